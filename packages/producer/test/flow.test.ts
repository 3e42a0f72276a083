import assert from 'node:assert/strict';
import { once } from 'node:events';
import { exportKeys, jobId, MARK_DONE, type Order, type PackJob, PREFIX } from '@longshore/shared';
import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { addExportFlow, addPack, addPacks } from '../src/flow.ts';
import { drained, forgetExport, ProducerError, readOutcome, signalExport } from '../src/index.ts';
import { orderOf } from './orders.ts';

const QUEUE = 'flow-test';
const LOCK_MS = 60_000;

describe('an export in the queue', () => {
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let worker: Worker;
  let order: Order;

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
    // It takes a job only when it's asked for one.
    worker = new Worker(QUEUE, null, {
      connection: redis,
      prefix: PREFIX,
      lockDuration: LOCK_MS,
      autorun: false,
      settings: { backoffStrategy: () => 3_600_000 },
    });
  });
  after(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
    order = orderOf('/volume');
    await add();
  });

  const access = () => ({ queue, redis });
  const add = () => addExportFlow(order, { connection: redis, queue: QUEUE });
  const pack = (item: number): PackJob => ({
    ...{ export: order.id, destination: order.destination },
    ...{ item, start: item * 1_024, end: (item + 1) * 1_024, digest: 'd' },
  });
  const packs = (count: number) => Array.from({ length: count }, (_, item) => pack(item));

  /** The next job, locked for `token`. */
  async function take(token = 'token'): Promise<Job> {
    const job = await worker.getNextJob(token, { block: false });
    assert.ok(job, 'there is no job to take');
    return job;
  }

  async function fail(job: Job, error: Error): Promise<void> {
    await job.moveToFailed(error, 'token', false);
  }

  async function finish(job: Job, result: unknown): Promise<void> {
    await job.moveToCompleted(result, 'token', false);
  }

  const keysOfExport = async () => (await redis.keys('*')).filter((key) => key.includes(order.id)).sort();

  describe('begins', () => {
    it('with a plan, for which finalizing waits', async () => {
      assert.deepEqual(await queue.getJobCounts('waiting', 'waiting-children'), {
        waiting: 1,
        'waiting-children': 1,
      });
      const plan = await take();
      assert.equal(plan.name, 'plan');
      assert.deepEqual(plan.data, { export: order.id, destination: order.destination });
    });

    it('once, though it is added twice', async () => {
      const before = await redis.keys('*');
      await add();
      assert.deepEqual((await redis.keys('*')).sort(), before.sort());
      await take();
      assert.equal(await worker.getNextJob('other', { block: false }), undefined);
    });

    it('when Redis comes back, where it is away', async () => {
      await server.kill();
      order = orderOf('/volume');
      const adding = add();
      await server.restart();
      await adding;
      assert.equal((await queue.getJob(jobId.plan(order.id)))?.name, 'plan');
    });

    it('with jobs that are small and say nothing secret', async () => {
      await addPacks(queue, [pack(9_998)]);
      for (const id of [jobId.finalize(order.id), jobId.plan(order.id), jobId.pack(order.id, 9_998)]) {
        const job = await queue.getJob(id);
        assert.ok(JSON.stringify(job?.data).length < 300);
      }
    });
  });

  describe('gets packs', () => {
    it('that finalizing waits for too, in any number', async () => {
      await addPacks(queue, packs(2_300));
      const finalize = await queue.getJob(jobId.finalize(order.id));
      assert.equal((await finalize?.getDependenciesCount({ unprocessed: true }))?.unprocessed, 2_301);
    });

    it('once each, however often they are added', async () => {
      await addPacks(queue, packs(3));
      await addPacks(queue, packs(5));
      await addPack(queue, pack(4));
      assert.equal(await queue.getPrioritizedCount(), 5);
    });

    it('that are taken by their number, so that exports share a pool', async () => {
      await addPacks(queue, [pack(7), pack(1)]);
      const first = order;
      order = orderOf('/other');
      await add();
      await addPacks(queue, [pack(3), pack(0)]);
      const taken = [await take(), await take(), await take(), await take(), await take(), await take()];
      assert.deepEqual(
        taken.filter(({ name }) => name === 'pack').map(({ data }) => [data.item, data.export === first.id]),
        [
          [0, false],
          [1, true],
          [3, false],
          [7, true],
        ],
      );
    });

    it('again, when they are done: a planner that starts anew adds what was packed', async () => {
      await take();
      await addPacks(queue, [pack(0), pack(1)]);
      await finish(await take(), undefined);
      await addPacks(queue, [pack(0)]);
      assert.equal(await queue.getPrioritizedCount(), 2);
    });

    it('never after it is gone', async () => {
      await forgetExport(order, access());
      const isGone = (error: unknown) => error instanceof ProducerError && error.code === 'FLOW_GONE';
      await assert.rejects(addPack(queue, pack(0)), isGone);
      await assert.rejects(addPacks(queue, packs(1)), isGone);
      await assert.rejects(addPacks(queue, packs(1_500)), isGone);
      assert.deepEqual(await keysOfExport(), []);
    });
  });

  describe('is forgotten', () => {
    const forget = async () => {
      await forgetExport(order, access());
      assert.deepEqual(await keysOfExport(), []);
      const counts = await queue.getJobCounts();
      assert.ok(
        Object.values(counts).every((count) => count === 0),
        JSON.stringify(counts),
      );
    };

    it('before anything was done', forget);

    it('with what waits, has failed, or is to be tried again', async () => {
      await addPacks(queue, packs(5));
      await finish(await take(), undefined);
      await fail(await take(), new UnrecoverableError('for good'));
      await fail(await take(), new Error('for now'));
      await finish(await take(), undefined);
      assert.deepEqual(await queue.getJobCounts('failed', 'delayed', 'prioritized'), {
        failed: 1,
        delayed: 1,
        prioritized: 2,
      });
      await forget();
    });

    it('with what a worker still has, which then learns that it lost its job', async () => {
      await addPacks(queue, packs(2));
      await take();
      const held = await take();
      await forget();
      assert.notEqual(await held.extendLock('token', LOCK_MS), 1);
    });

    it('while it is being finalized', async () => {
      await finish(await take(), undefined);
      assert.equal((await take()).name, 'finalize');
      await forget();
    });

    it('after it failed or was completed', async () => {
      await finish(await take(), undefined);
      await fail(await take(), new UnrecoverableError('ARCHIVE_MISMATCH: wrong'));
      await forget();
      await add();
      await finish(await take(), undefined);
      await finish(await take(), {});
      await forget();
    });

    it('with its signal and its counters', async () => {
      const keys = exportKeys(QUEUE, order.id);
      await signalExport(order, 'stop', access());
      await redis.eval(MARK_DONE, 3, keys.finalize, keys.done, keys.counters, 3, 1, 1, 1);
      assert.ok((await keysOfExport()).length >= 5);
      await forget();
    });

    it('twice', async () => {
      await forget();
      await forget();
    });

    it('and no other export with it', async () => {
      const other = order;
      order = orderOf('/other');
      await add();
      await addPacks(queue, packs(1));
      const mine = order;
      await forgetExport(other, access());
      assert.equal((await readOutcome(mine, access())).kind, 'running');
      assert.equal((await readOutcome(other, access())).kind, 'gone');
    });
  });

  describe('is told to stop', () => {
    it('by a key, and a message on the channel of the same name', async () => {
      const subscriber = redis.duplicate();
      const { signal } = exportKeys(QUEUE, order.id);
      await subscriber.subscribe(signal);
      const heard = once(subscriber, 'message');
      await signalExport(order, 'stop', access());
      assert.deepEqual(await heard, [signal, 'stop']);
      assert.equal(await redis.get(signal), 'stop');
      subscriber.disconnect();
    });

    it('and has stopped once no worker has a job of it', async () => {
      const job = await take();
      assert.equal(await drained(order, { queue, timeoutMs: 0 }), false);
      assert.equal(await drained(orderOf('/other'), { queue, timeoutMs: 0 }), true);
      const waiting = drained(order, { queue, timeoutMs: 10_000 });
      await fail(job, new UnrecoverableError('STOPPED: cancelled'));
      assert.equal(await waiting, true);
    });
  });

  describe('has an outcome', () => {
    const outcome = () => readOutcome(order, access());

    it('that is none while anything waits or runs', async () => {
      await redis.hset(exportKeys(QUEUE, order.id).counters, { items: 3, planned: 1 });
      const running = await outcome();
      assert.equal(running.kind, 'running');
      assert.deepEqual('counters' in running && [running.counters.items, running.counters.doneItems], [3, 0]);
      await finish(await take(), undefined);
      assert.equal((await outcome()).kind, 'running');
      await take();
      assert.equal((await outcome()).kind, 'running');
    });

    it('that is none while a job that failed is tried again', async () => {
      await fail(await take(), new Error('UNREACHABLE: no answer'));
      assert.equal((await outcome()).kind, 'running');
    });

    it('of failure, with its code, as soon as one job has failed for good', async () => {
      await addPacks(queue, packs(3));
      await take();
      await fail(await take(), new UnrecoverableError('ACCESS_DENIED: ask for s3:PutObject'));
      const failed = await outcome();
      assert.deepEqual('failure' in failed && failed.failure, {
        code: 'ACCESS_DENIED',
        message: 'ask for s3:PutObject',
      });
    });

    it('of failure where finalizing failed', async () => {
      await finish(await take(), undefined);
      await fail(await take(), new UnrecoverableError('ARCHIVE_EXISTS: it appeared'));
      const failed = await outcome();
      assert.equal('failure' in failed && failed.failure.code, 'ARCHIVE_EXISTS');
    });

    it('of completion, with what finalizing returned', async () => {
      await finish(await take(), undefined);
      await finish(await take(), { archive: { key: 'data.tar' } });
      const completed = await outcome();
      assert.deepEqual('result' in completed && completed.result, { archive: { key: 'data.tar' } });
    });

    it('that is not another export’s', async () => {
      const mine = order;
      await take();
      order = orderOf('/other');
      await add();
      await fail(await take(), new UnrecoverableError('IO: broken'));
      assert.equal((await readOutcome(mine, access())).kind, 'running');
    });

    it('that says so where the queue doesn’t know it', async () => {
      await redis.flushall();
      assert.deepEqual(await outcome(), { kind: 'gone' });
    });
  });
});
