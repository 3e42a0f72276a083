import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  addExportFlow,
  addPacks,
  type Outcome,
  openExport,
  planJob,
  readOutcome,
  signalExport,
} from '@longshore/producer';
import { jobId, type Order, PREFIX, workArea } from '@longshore/shared';
import { DirectoryStore, MemoryStore, type Store } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { makeRandomTree } from '../../../test/fixtures/random-tree.ts';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { readWholeArchive } from '../../../test/harness/whole-archive.ts';
import { type PlanProcessor, type PoolOptions, WorkerPool } from '../src/index.ts';
import { until } from './until.ts';

const QUEUE = 'pool-test';
const VERSION = '1.2.3';
const never = new AbortController().signal;

/** A plan that says when it has begun, and goes on until it's told to end. */
class EndlessPlan {
  /** Of each attempt that has begun. */
  signals: AbortSignal[] = [];
  readonly plan: PlanProcessor = async ({ signal }) => {
    this.signals.push(signal);
    const ended = Promise.withResolvers<never>();
    signal.addEventListener('abort', () => ended.reject(signal.reason));
    await ended.promise;
  };

  begun(attempts = 1): Promise<true> {
    return until(() => this.signals.length >= attempts && true);
  }
}

describe('a pool of workers', () => {
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let temp: TempFolder;
  let volume: string;
  let spool: string;
  let store: Store;
  let pools: WorkerPool[];
  /** What the pools have logged. */
  let log: { level: number; code?: string; msg: string; attempt?: number }[];

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
    queue.on('error', () => undefined);
  });
  after(async () => {
    await queue.close();
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
    temp = await tempFolder('pool');
    volume = join(temp.path, 'volume');
    spool = join(temp.path, 'spool');
    for (const folder of [volume, spool]) mkdirSync(folder);
    store = new MemoryStore();
    pools = [];
    log = [];
  });
  afterEach(async () => {
    await Promise.all(pools.map((pool) => pool.stop({ graceMs: 0 })));
    assert.deepEqual(await readdir(spool), []);
    await store[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  async function startPool(options: Partial<PoolOptions> = {}): Promise<WorkerPool> {
    const write = (line: string) => log.push(JSON.parse(line));
    const pool = await WorkerPool.start({
      redis: server.socket,
      queue: QUEUE,
      threads: 2,
      spool,
      lockMs: 30_000,
      volumes: new Map([['data', volume]]),
      destinations: new Map([['archives', store]]),
      version: VERSION,
      plan: planJob,
      addPacks,
      logger: pino({ level: 'debug' }, { write }),
      ...options,
    });
    pools.push(pool);
    return pool;
  }

  const stop = (pool: WorkerPool, graceMs: number) => {
    pools = pools.filter((other) => other !== pool);
    return pool.stop({ graceMs });
  };

  async function open(request: Partial<Parameters<typeof openExport>[0]> = {}): Promise<Order> {
    const order = await openExport(
      {
        ...{ volume: 'data', destination: 'archives', name: 'archive' },
        ...{ format: 'tar.zst', level: 1, exclude: [], onChange: 'record', ...request },
      },
      { store, build: thisBuild(VERSION), signal: never },
    );
    return order;
  }

  async function begin(request: Parameters<typeof open>[0] = {}): Promise<Order> {
    const order = await open(request);
    await addExportFlow(order, { connection: redis, queue: QUEUE });
    return order;
  }

  const outcomeOf = (order: Order): Promise<Exclude<Outcome, { kind: 'running' }>> =>
    until(async () => {
      const outcome = await readOutcome(order, { queue, redis });
      return outcome.kind !== 'running' && outcome;
    });

  async function failureOf(order: Order) {
    const outcome = await outcomeOf(order);
    assert.equal(outcome.kind, 'failed');
    return 'failure' in outcome ? outcome.failure : undefined;
  }

  const fill = () => makeRandomTree(volume, { seed: 5, bytes: 80 * 2 ** 20, files: 60 });

  describe('exports a volume', () => {
    it('into a directory: archive, index and manifest agree, and nothing else is left', async () => {
      fill();
      const folder = join(temp.path, 'archives');
      store = await DirectoryStore.open(folder);
      const order = await begin();
      await startPool();
      const outcome = await outcomeOf(order);
      assert.equal(outcome.kind, 'completed', JSON.stringify(outcome));
      const whole = readWholeArchive(folder);
      assert.equal(whole.manifest.entries.types.file?.count, 60);
      const { counters } = outcome as Extract<Outcome, { kind: 'completed' }>;
      assert.deepEqual(
        [counters.planned, counters.items, counters.doneItems, counters.files, counters.retries],
        [1, 2, 2, 60, 0],
      );
      assert.equal(counters.doneTapeBytes, counters.tapeBytes);
    });

    it('into memory, with several pools, and all the formats at once', async () => {
      makeRandomTree(volume, { seed: 6, bytes: 10 * 2 ** 20, files: 20 });
      const orders = [
        await begin({ name: 'a', format: 'tar.zst', level: 1 }),
        await begin({ name: 'b', format: 'tar.gz', level: 1 }),
        await begin({ name: 'c', format: 'tar', level: 0 }),
      ];
      await startPool();
      await startPool();
      const outcomes = await Promise.all(orders.map(outcomeOf));
      for (const outcome of outcomes) assert.equal(outcome.kind, 'completed', JSON.stringify(outcome));
      const keys = await Array.fromAsync(store.list(''), ({ key }) => key);
      assert.deepEqual(
        keys,
        ['a.tar.zst', 'b.tar.gz', 'c.tar']
          .flatMap((archive) => [archive, `${archive[0]}.index.sqlite`, `${archive[0]}.manifest.json`])
          .sort(),
      );
    });

    it('that is empty', async () => {
      const order = await begin();
      await startPool();
      const outcome = await outcomeOf(order);
      assert.equal('result' in outcome && outcome.result.entries.count, 1);
    });
  });

  describe('fails an export at once, and says what to do, where', () => {
    it('the worker has no such volume', async () => {
      const order = await begin({ volume: 'other' });
      await startPool();
      const failure = await failureOf(order);
      assert.equal(failure?.code, 'UNKNOWN_VOLUME');
      assert.match(failure?.message ?? '', /"other".*--volume/);
    });

    it('the worker has no such destination', async () => {
      const order = await begin({ destination: 'elsewhere' });
      await startPool();
      assert.equal((await failureOf(order))?.code, 'UNKNOWN_DESTINATION');
    });

    it('the worker is of another build, by a hair', async () => {
      const order = await begin();
      await startPool({ version: '1.2.4' });
      const failure = await failureOf(order);
      assert.equal(failure?.code, 'BUILD_MISMATCH');
      assert.match(failure?.message ?? '', /1\.2\.3.*1\.2\.4/);
    });

    it('its order is gone', async () => {
      const order = await begin();
      await store.delete([workArea(order.id).order]);
      await startPool();
      assert.equal((await failureOf(order))?.code, 'ORDER_MISSING');
    });

    it('the volume isn’t there', async () => {
      const order = await begin();
      await rm(volume, { recursive: true });
      await startPool();
      assert.equal((await failureOf(order))?.code, 'VOLUME_MISSING');
    });

    afterEach(async () => {
      for (const job of await queue.getFailed()) assert.equal(job.attemptsMade, 1);
      assert.equal(log.filter(({ level }) => level >= 50).length, 1);
    });
  });

  it('fails a job that it doesn’t know', async () => {
    await queue.add('dance', {}, { jobId: 'dance-a' });
    await startPool();
    const failed = await until(async () => (await queue.getFailed()).at(0));
    assert.match(failed.failedReason, /no job called "dance"/);
  });

  describe('that is told to stop', () => {
    it('hands jobs back at once: no attempt is lost, and another worker has them', async () => {
      const order = await begin();
      const endless = new EndlessPlan();
      const pool = await startPool({ plan: endless.plan });
      await endless.begun();
      const told = performance.now();
      await stop(pool, 0);
      assert.ok(performance.now() - told < 5_000);
      const job = await queue.getJob(jobId.plan(order.id));
      assert.deepEqual([await job?.getState(), job?.attemptsMade], ['waiting', 0]);
      assert.equal(job?.parent?.id, jobId.finalize(order.id));
      assert.equal(await redis.exists(`${queue.toKey(jobId.plan(order.id))}:lock`), 0);
      await startPool();
      assert.equal((await outcomeOf(order)).kind, 'completed');
    });

    it('lets jobs finish in its grace period, and takes no other one', async () => {
      const order = await begin();
      const { promise: done, resolve: finish } = Promise.withResolvers<void>();
      const endless = new EndlessPlan();
      const plan: PlanProcessor = async ({ signal }) => {
        endless.signals.push(signal);
        await done;
      };
      const pool = await startPool({ plan });
      await endless.begun();
      const stopped = stop(pool, 60_000);
      finish();
      await stopped;
      assert.equal(endless.signals[0].aborted, false);
      assert.equal(await (await queue.getJob(jobId.finalize(order.id)))?.getState(), 'waiting');
    });

    it('also does where nothing is to do', async () => {
      await stop(await startPool(), 60_000);
    });

    it('also does where Redis is away', async () => {
      await begin();
      const endless = new EndlessPlan();
      const pool = await startPool({ plan: endless.plan });
      await endless.begun();
      await server.kill();
      try {
        const told = performance.now();
        await stop(pool, 0);
        assert.ok(performance.now() - told < 8_000);
        assert.ok(endless.signals[0].aborted);
      } finally {
        await server.restart();
      }
    });
  });

  it('ends an attempt that lost its job, which is made again', async () => {
    const order = await begin();
    const endless = new EndlessPlan();
    await startPool({ plan: endless.plan, lockMs: 1_000 });
    await endless.begun();
    await redis.del(`${queue.toKey(jobId.plan(order.id))}:lock`);
    await until(() => endless.signals[0].aborted);
    await endless.begun(2);
    assert.match(String(endless.signals[0].reason), /lock-lost/);
    assert.equal(endless.signals[1].aborted, false);
    assert.ok(!log.some(({ msg }) => msg.includes("Redis can't be used")), JSON.stringify(log));
  });

  it('ends what belongs to an export that is cancelled, for good, and nothing else', async () => {
    const order = await begin();
    const other = await begin({ name: 'other' });
    const endless = new EndlessPlan();
    await startPool({ plan: endless.plan });
    await endless.begun(2);
    await signalExport(order, 'stop', { queue, redis });
    assert.equal((await failureOf(order))?.code, 'STOPPED');
    assert.equal((await readOutcome(other, { queue, redis })).kind, 'running');
    assert.equal(endless.signals.filter(({ aborted }) => aborted).length, 1);
    assert.equal((await queue.getJob(jobId.plan(order.id)))?.attemptsMade, 1);
  });

  it('doesn’t begin what belongs to an export that was cancelled before', async () => {
    const order = await begin();
    await signalExport(order, 'stop', { queue, redis });
    const endless = new EndlessPlan();
    await startPool({ plan: endless.plan });
    assert.equal((await failureOf(order))?.code, 'STOPPED');
    assert.equal(endless.signals.length, 0);
  });

  it('tries again what failed for now, says so, and counts each kind of failure apart', async () => {
    const order = await begin();
    let attempts = 0;
    const codes = ['first', 'second', 'third'];
    const plan: PlanProcessor = async (options) => {
      const code = codes[attempts++];
      if (code) throw new Error(code);
      await planJob(options);
    };
    await startPool({ plan });
    assert.equal((await outcomeOf(order)).kind, 'completed');
    assert.equal(attempts, 4);
    const warned = log.filter(({ level }) => level === 40);
    assert.deepEqual(
      warned.map(({ code, attempt, msg }) => [code, attempt, msg]),
      codes.map((code, n) => ['INTERNAL', n + 1, code]),
    );
  });

  describe('whose Redis', () => {
    const said = (text: string) => log.filter(({ msg }) => msg.includes(text)).length;

    it('is away says it once, waits, and goes on', async () => {
      await startPool();
      await server.kill();
      await until(() => said("Redis can't be used") > 0);
      await server.restart();
      await until(() => said('can be used again') > 0);
      const order = await begin();
      assert.equal((await outcomeOf(order)).kind, 'completed');
      assert.deepEqual([said("Redis can't be used"), said('can be used again')], [1, 1]);
    });

    it('is full says it once, leaves it in peace, and goes on when there is room', async () => {
      const order = await begin();
      await redis.config('SET', 'maxmemory', '1');
      await redis.config('RESETSTAT');
      await startPool();
      // BullMQ’s own way would be thousands of commands in this time.
      await until(async () => (await rejections()) >= 3);
      assert.ok((await commands()) < 200, String(await commands()));
      assert.equal(said("Redis can't be used"), 1);
      await redis.config('SET', 'maxmemory', '0');
      assert.equal((await outcomeOf(order)).kind, 'completed');
      await until(() => said('can be used again') > 0);
      assert.deepEqual([said("Redis can't be used"), said('can be used again')], [1, 1]);
    });

    const stat = async (section: string, pattern: RegExp) =>
      Number(pattern.exec(await redis.info(section))?.[1] ?? 0);
    const rejections = () => stat('errorstats', /errorstat_OOM:count=(\d+)/);
    const commands = () => stat('commandstats', /cmdstat_evalsha:calls=(\d+)/);
  });
});
