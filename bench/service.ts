// `npm run bench:service [-- --clients N --seconds N --exports N --entries N --write]`: what one `longshore serve` can
// take: lists of many finished exports, event streams of many clients on a few running ones, many requests for new
// ones, and downloads and single files of a large archive. Redis and the clients, which are all this process, share the
// machine with it.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { startRedis } from '../test/harness/redis.ts';
import { tempFolder } from '../test/harness/temp.ts';
import { downloads, exportTree, fileReads } from './service-archive.ts';
import { create, fillRecords, list, pack, quantile, Streams, type Times } from './service-load.ts';
import { type Phase, report } from './service-report.ts';
import { BenchedServer } from './service-server.ts';

interface Load {
  clients: number;
  seconds: number;
  exports: number;
  /** Of the tree that is downloaded. */
  entries: number;
}

/** Exports that run at once, and are watched. */
const RUNNING = 10;

/** Requests for lists. */
const LISTS = 1_000;

/** Requests for exports that are under way at once. */
const TOGETHER = 8;

async function bench(load: Load, { write }: { write: boolean }): Promise<void> {
  const phases = [...(await requests(load)), ...(await archive(load))];
  await report({ phases, ...load, running: RUNNING }, { write });
}

async function requests(load: Load): Promise<Phase[]> {
  await using temp = await tempFolder('bench-service');
  await using redis = await startRedis();
  using view = Object.assign(new Redis(redis.socket), { [Symbol.dispose]: () => view.disconnect() });
  await fillRecords(redis.socket, load.exports);
  await using server = await BenchedServer.start(redis.socket, temp.path);
  await list(server.url, ({ length }) => length >= 100);
  const phases = [await quiet(server), await lists(server)];
  return [...phases, ...(await streams(server, { load, view })), await creates(server, load)];
}

/** By a server that has done nothing else, so that its memory is what they take. */
async function archive({ entries, seconds }: Load): Promise<Phase[]> {
  await using temp = await tempFolder('bench-archive');
  await using redis = await startRedis();
  await using server = await BenchedServer.start(redis.socket, temp.path);
  const id = await exportTree(server, { volume: join(temp.path, 'volume'), entries });
  const quick = await downloads(server, { id, seconds, slow: 0 });
  const longer = await downloads(server, { id, seconds: 2 * seconds, slow: 0 });
  const mixed = await downloads(server, { id, seconds, slow: 100 });
  return [quick, longer, mixed, ...(await fileReads(server, { id, entries }))];
}

const timesOf = (times: Times) => ({ p50: quantile(times, 0.5), p99: quantile(times, 0.99) });

async function quiet(server: BenchedServer): Promise<Phase> {
  return { name: 'nobody asks', ...(await server.cost(() => delay(5_000))) };
}

async function lists(server: BenchedServer): Promise<Phase> {
  let times: Times = [];
  const cost = await server.cost(async () => {
    times = await list(server.url, ({ length }) => length >= LISTS);
  });
  return { name: `${LISTS.toLocaleString('en')} lists, one after the other`, ...cost, ...timesOf(times) };
}

/** First by themselves, and then with lists that are asked for meanwhile. */
async function streams(server: BenchedServer, { load, view }: { load: Load; view: Redis }): Promise<Phase[]> {
  const { ids } = await create(server.url, { count: RUNNING, name: 'running', together: TOGETHER });
  using streams = new Streams();
  await streams.open(server.url, { ids, clients: load.clients });
  let second = 0;
  const run = async () => {
    for (const end = second + load.seconds; second < end; second++) {
      await pack(ids, { view, second });
      await delay(1_000);
    }
  };
  const alone = await server.cost(run);
  const perSecond = Math.round(streams.events / alone.seconds).toLocaleString('en');
  let times: Times = [];
  const listed = await server.cost(async () => {
    let isOver = false;
    const listing = list(server.url, () => isOver);
    await run();
    isOver = true;
    times = await listing;
  });
  if (streams.living < load.clients) throw new Error(`${load.clients - streams.living} streams were ended`);
  const name = `${load.clients.toLocaleString('en')} event streams`;
  return [
    { name: `${name}, ${perSecond} events/s`, ...alone },
    { name: `${name}, and lists one after the other`, ...listed, ...timesOf(times) },
  ];
}

async function creates(server: BenchedServer, { exports }: Load): Promise<Phase> {
  let times: Times = [];
  const cost = await server.cost(async () => {
    ({ times } = await create(server.url, { count: exports, name: 'new', together: TOGETHER }));
  });
  const name = `${exports.toLocaleString('en')} requests for exports, ${TOGETHER} at a time`;
  return { name, ...cost, ...timesOf(times) };
}

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '30' },
    exports: { type: 'string', default: '1000' },
    entries: { type: 'string', default: '1000000' },
    write: { type: 'boolean', default: false },
  },
});
const { clients, seconds, exports, entries, write } = values;
const load = {
  ...{ clients: Number(clients), seconds: Number(seconds) },
  ...{ exports: Number(exports), entries: Number(entries) },
};
await bench(load, { write });
