import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { create, fillRecords, pack, Streams } from '../../bench/service-load.ts';
import { BenchedServer } from '../../bench/service-server.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

const LOOK_AGAIN_MS = 20;

const RECORDS = 100;
const CLIENTS = 200;
const WATCHED = 5;

/** Changes that every client is told of before memory is looked at, and after that. */
const WARM_UP = 4;
const ROUNDS = 8;

/** What V8 may take before it tidies up; the events of one round to all clients are some 400 KB. */
const SPARE_BYTES = 64 * 2 ** 20;

describe('a server with many finished exports, and many who watch a few', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let redisServer: RedisServer;
  let redis: Redis;
  let server: BenchedServer;
  let ids: string[];
  let second = 0;

  before(async () => {
    temp = await tempFolder('load');
    redisServer = await startRedis();
    redis = new Redis(redisServer.socket);
    await fillRecords(redisServer.socket, RECORDS);
    server = await BenchedServer.start(redisServer.socket, temp.path);
    ({ ids } = await create(server.url, { count: WATCHED, name: 'running', together: WATCHED }));
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    redis.disconnect();
    await redisServer.stop();
    await temp[Symbol.asyncDispose]();
  });

  /** How often Redis was asked for the samples that a rate is made of, which is once for each look at an export. */
  async function looks(): Promise<number> {
    return Number(/cmdstat_lrange:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
  }

  /** Something changes, and every client hears of it: of the status, and of the items that are done. */
  async function round(streams: Streams, clients: number): Promise<void> {
    const heard = streams.events + 2 * clients;
    await pack(ids, { view: redis, second: second++ });
    while (streams.events < heard) await delay(LOOK_AGAIN_MS);
  }

  /** Looks a second while so many clients are told of changes. */
  async function rate(streams: Streams, clients: number): Promise<number> {
    const [before, begin] = [await looks(), performance.now()];
    for (let each = 0; each < ROUNDS; each++) await round(streams, clients);
    return ((await looks()) - before) / ((performance.now() - begin) / 1_000);
  }

  async function streamsByMetrics(): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^longshore_event_streams (\d+)$/m.exec(text)?.[1]);
  }

  it('asks Redis as often for many as for one of each, keeps its memory, and lists them all', async () => {
    let forFew: number;
    {
      using few = new Streams();
      await few.open(server.url, { ids, clients: WATCHED });
      forFew = await rate(few, WATCHED);
    }
    while ((await streamsByMetrics()) > 0) await delay(LOOK_AGAIN_MS);

    using many = new Streams();
    await many.open(server.url, { ids, clients: CLIENTS });
    for (let each = 0; each < WARM_UP; each++) await round(many, CLIENTS);
    const before = server.memory;
    const forMany = await rate(many, CLIENTS);
    assert.ok(forMany < 1.5 * forFew, `${forMany} looks a second for many, ${forFew} for few`);
    const grown = server.memory - before;
    assert.ok(grown < SPARE_BYTES, `${grown} bytes more`);
    assert.equal(many.living, CLIENTS);
    assert.equal(await streamsByMetrics(), CLIENTS);

    const pages = Math.ceil((RECORDS + WATCHED) / 50);
    const seen = new Set<string>();
    let cursor = '';
    for (let page = 0; page < pages; page++) {
      const answer = await fetch(`${server.url}/v1/exports?limit=50${cursor}`);
      const { exports, next } = (await answer.json()) as { exports: { id: string }[]; next?: string };
      for (const { id } of exports) seen.add(id);
      cursor = `&cursor=${encodeURIComponent(next ?? '')}`;
      assert.equal(next === undefined, page === pages - 1);
    }
    assert.equal(seen.size, RECORDS + WATCHED);
  });
});
