import assert from 'node:assert/strict';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExportRecord, readOutcome, type Wish } from '@longshore/producer';
import { PREFIX, QUEUE } from '@longshore/shared';
import { openStore, type Store } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { configuredPlaces } from '../../packages/producer/src/exports/configured-places.ts';
import { Exports } from '../../packages/producer/src/exports/exports.ts';
import type { ReconcileSetting } from '../../packages/producer/src/reconcile/parts.ts';
import { reconcile } from '../../packages/producer/src/reconcile/reconcile.ts';
import { sharedPlace } from '../../packages/producer/src/reconcile/shared-place.ts';
import { RedisRecordStore } from '../../packages/producer/src/records/redis-record-store.ts';
import { bucketDestination, type Destination, publishedNames } from '../harness/destination.ts';
import { Killed } from '../harness/mortal-store.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';
import { Installation, requestOf } from './installation.ts';
import { Calls, MortalRedis, mortalStore } from './mortal-redis.ts';

/** More calls than any life here makes. */
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/** What the process does, up to the point where it waits for workers. */
type Deed = (life: Life) => Promise<void>;

/** A producer's process that reconciles one export, step by step. */
interface Life {
  id: string;
  parts: ReconcileSetting;
  exports: Exports;
}

describe('a producer that dies after any one of its calls to Redis and the store', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let server: RedisServer;
  let redis: Redis;
  let s3: S3Server;
  /** A bucket for each round. */
  let destination: Destination;
  let store: Store;
  let service: Installation;

  before(async () => {
    temp = await tempFolder('crash');
    await mkdir(join(temp.path, 'volume'));
    for (let file = 0; file < 20; file++)
      await writeFile(join(temp.path, 'volume', `f${file}`), `file ${file}\n`);
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    s3 = await startS3();
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
    await s3.stop();
    await temp[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await beginRound();
    service = await Installation.start({
      volumes: { data: join(temp.path, 'volume') },
      destinations: { archives: new Proxy({} as Store, { get: (_, name) => bound(store, name) }) },
      redis: server,
    });
    await service.workers();
  });
  afterEach(async () => {
    await service[Symbol.asyncDispose]();
    await endRound();
  });

  async function beginRound(): Promise<void> {
    await redis.flushall();
    destination = await bucketDestination(s3);
    store = await openStore(destination.uri, { s3: { ...s3, forcePathStyle: true } });
  }

  async function endRound(): Promise<void> {
    await store[Symbol.asyncDispose]();
    await destination[Symbol.asyncDispose]();
  }

  /** The workers outlive the stores that each round has of its own. */
  function bound(target: Store, name: string | symbol): unknown {
    const value: unknown = Reflect.get(target, name);
    return typeof value === 'function' ? value.bind(target) : value;
  }

  async function live(calls: Calls, id: string, deed: Deed): Promise<'lived' | 'died'> {
    const connection = new MortalRedis(server.socket, calls);
    const queue = new Queue(QUEUE, { connection, prefix: PREFIX, skipVersionCheck: true });
    queue.on('error', () => undefined);
    await queue.waitUntilReady().catch(() => undefined);
    const records = new RedisRecordStore({ redis: connection, queue: QUEUE });
    const destinations = new Map([['archives', mortalStore(store, calls)]]);
    const build = thisBuild('0.0.0-test');
    const { signal } = new AbortController();
    const logger = pino({ level: 'silent' });
    const access = { redis: connection, queue, destinations };
    const placeOf = sharedPlace(access);
    const parts = { ...access, records, placeOf, build, retainFailedMs: 1e9, logger, signal };
    const places = configuredPlaces({ queue: QUEUE, volumes: new Set(['data']), destinations });
    const exports = new Exports({ ...parts, places, wake: async () => undefined });
    try {
      await deed({ id, parts, exports });
      return calls.over ? 'died' : 'lived';
    } catch (error) {
      if (calls.over) return 'died';
      throw error instanceof Killed ? new Error('killed, and yet alive', { cause: error }) : error;
    } finally {
      connection.disconnect();
    }
  }

  /** Waits, as somebody else, until workers have finished what they were given. */
  async function workersAreDone(id: string): Promise<void> {
    const queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
    for (;;) {
      const { kind } = await readOutcome({ id }, { queue, redis });
      if (kind !== 'running') break;
      await delay(5);
    }
    await queue.close();
  }

  async function recordOf(id: string): Promise<ExportRecord | undefined> {
    return new RedisRecordStore({ redis, queue: QUEUE }).get(id);
  }

  /** Reconciles until nothing is left to be done; workers get on with it in between. */
  const toTheEnd: Deed = async ({ id, parts }) => {
    for (let record = await recordOf(id); record?.due !== undefined; record = await recordOf(id)) {
      await reconcile(id, parts);
      await workersAreDone(record.run?.id ?? id);
    }
  };

  const wish =
    (what: Exclude<Wish, 'run' | 'forget'> | 'resume' | 'retry'): Deed =>
    ({ id, exports }) =>
      exports[what](id).then(() => undefined);

  async function create(): Promise<string> {
    const records = new RedisRecordStore({ redis, queue: QUEUE });
    const queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
    const destinations = new Map([['archives', store]]);
    const places = configuredPlaces({ queue: QUEUE, volumes: new Set(['data']), destinations });
    const exports = new Exports({ redis, records, places, wake: async () => undefined });
    const { status } = await exports.create(requestOf({ name: 'archive' }));
    await queue.close();
    return status.id;
  }

  async function keysLeft(): Promise<string[]> {
    const keys = await redis.keys(`${PREFIX}:${QUEUE}:*`);
    const queueOwn = ['meta', 'events', 'id', 'stalled-check', 'marker'].map(
      (name) => `${PREFIX}:${QUEUE}:${name}`,
    );
    return keys.filter((key) => !key.includes(':records:') && !queueOwn.includes(key));
  }

  interface Story {
    /** What is done before, by a process that lives. */
    first?: Deed;
    /** What the process does that dies; the next one does it again. */
    deed: Deed;
    expected: { names: string[]; phase: ExportRecord['phase'] | undefined };
  }

  /** Tells the story once for every moment at which the process can die, and once without. */
  async function tell({ first, deed, expected }: Story): Promise<number> {
    for (let allowed = 1; ; allowed++) {
      await endRound();
      await beginRound();
      const id = await create();
      if (first) await live(new Calls(FOR_EVER), id, first);
      const ended = await live(new Calls(allowed), id, deed);
      await live(new Calls(FOR_EVER), id, ended === 'died' ? deed : toTheEnd);
      const record = await recordOf(id);
      const moment = `after ${allowed} calls`;
      assert.equal(record?.phase, expected.phase, `${moment}: ${JSON.stringify(record)}`);
      assert.deepEqual(await destination.contents(), expected.names, moment);
      assert.deepEqual(await keysLeft(), [], moment);
      if (record?.phase === 'Completed')
        assert.equal(record.counters?.packs, record.counters?.items, `${moment}: packed twice`);
      if (ended === 'lived') return allowed - 1;
    }
  }

  const begun: Deed = async ({ id, parts }) => reconcile(id, parts);

  it('completes the export all the same, once', async () => {
    const moments = await tell({
      deed: toTheEnd,
      expected: { names: publishedNames('archive'), phase: 'Completed' },
    });
    assert.ok(moments > 30, `${moments} moments`);
  });

  it('cancels it all the same', async () => {
    await tell({
      first: begun,
      deed: async (life) => {
        if ((await recordOf(life.id))?.phase !== 'Cancelled') await wish('cancel')(life);
        await toTheEnd(life);
      },
      expected: { names: [], phase: 'Cancelled' },
    });
  });

  it('suspends and resumes it all the same, and packs nothing twice', async () => {
    await tell({
      first: begun,
      deed: async (life) => {
        const { phase } = (await recordOf(life.id))!;
        if (phase !== 'Completed') {
          await wish('suspend')(life);
          await reconcile(life.id, life.parts);
        }
        if ((await recordOf(life.id))?.phase !== 'Completed') await wish('resume')(life);
        await toTheEnd(life);
      },
      expected: { names: publishedNames('archive'), phase: 'Completed' },
    });
  });

  it('goes on when it is tried again, whenever that came after its failure', async () => {
    const [volume, away] = ['volume', 'away'].map((name) => join(temp.path, name));
    for (let allowed = 1, ended = 'died'; ended === 'died'; allowed++) {
      await endRound();
      await beginRound();
      const id = await create();
      await rename(volume, away);
      try {
        await live(new Calls(FOR_EVER), id, begun);
        await workersAreDone(id);
      } finally {
        await rename(away, volume);
      }
      ended = await live(new Calls(allowed), id, begun);
      if ((await recordOf(id))?.phase !== 'Failed') await live(new Calls(FOR_EVER), id, begun);
      await live(new Calls(FOR_EVER), id, wish('retry'));
      await live(new Calls(FOR_EVER), id, begun);
      await workersAreDone(id);
      await live(new Calls(FOR_EVER), id, begun);
      const record = await recordOf(id);
      assert.equal(record?.phase, 'Completed', `after ${allowed} calls: ${JSON.stringify(record)}`);
      assert.deepEqual(await destination.contents(), publishedNames('archive'));
      assert.deepEqual(await keysLeft(), []);
    }
  });

  it('deletes it all the same, with what it published', async () => {
    await tell({
      first: toTheEnd,
      deed: async (life) => {
        if (await recordOf(life.id)) await wish('delete')(life);
        await toTheEnd(life);
      },
      expected: { names: [], phase: undefined },
    });
  });
});
