import assert from 'node:assert/strict';
import { isLongshoreError } from '@longshore/shared';
import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { Attempt } from '../src/attempt.ts';

const QUEUE = 'attempt-test';
const LOCK_MS = 60_000;

const isStopped = (error: unknown) => isLongshoreError(error) && error.code === 'STOPPED';

describe('an attempt', () => {
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let worker: Worker;
  let job: Job;
  let attempt: Attempt;
  let errors: Error[];
  const onError = (error: Error) => void errors.push(error);

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    redis.on('error', () => undefined);
    queue = new Queue(QUEUE, { connection: redis });
    worker = new Worker(QUEUE, null, { connection: redis, autorun: false, lockDuration: LOCK_MS });
    worker.on('error', () => undefined);
  });
  after(async () => {
    await worker.close();
    await queue.close();
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
    errors = [];
    await queue.add('pack', {}, { jobId: 'job-a' });
    const taken: Job | undefined = await worker.getNextJob('token', { block: false });
    assert.ok(taken);
    job = taken;
    attempt = new Attempt({ job, token: 'token', lockMs: LOCK_MS, onError });
  });

  const lock = () => `${queue.toKey('job-a')}:lock`;

  it('has an id of its own that can stand in a key', () => {
    const other = new Attempt({ job, token: 'token', lockMs: LOCK_MS, onError });
    assert.notEqual(attempt.id, other.id);
    assert.match(attempt.id, /^[0-9a-f]{16}$/);
  });

  it('tells why it was stopped: the first reason stands', () => {
    assert.equal(attempt.stopReason, undefined);
    attempt.stop('shutdown');
    attempt.stop('lock-lost');
    assert.equal(attempt.stopReason, 'shutdown');
    assert.ok(isStopped(attempt.signal.reason));
  });

  it('holds its job while its lock is there, and holds it for longer by asking', async () => {
    await redis.pexpire(lock(), 10_000);
    await attempt.assertHeld();
    assert.ok((await redis.pttl(lock())) > 50_000);
    assert.equal(attempt.stopReason, undefined);
  });

  it('has lost it when its lock is gone', async () => {
    await redis.del(lock());
    await assert.rejects(attempt.assertHeld(), isStopped);
    assert.equal(attempt.stopReason, 'lock-lost');
    assert.ok(attempt.signal.aborted);
  });

  it('has lost it when another one has the lock', async () => {
    await redis.set(lock(), 'another-token');
    await assert.rejects(attempt.assertHeld(), isStopped);
    assert.equal(await redis.get(lock()), 'another-token');
  });

  it('can’t hold what it was told to let go', async () => {
    attempt.stop('export-stopped');
    await assert.rejects(attempt.assertHeld(), isStopped);
  });

  it('waits for a Redis that is away, and holds its job when that is back', async () => {
    await server.kill();
    const held = attempt.assertHeld();
    await server.restart();
    await held;
    assert.equal(attempt.stopReason, undefined);
  });

  it('waits for a Redis that takes no commands, and tells of it: it gives the job to nobody else', async () => {
    await redis.config('SET', 'maxmemory', '1');
    const held = attempt.assertHeld();
    const refused = await Promise.race([
      held.then(() => 'held'),
      worker.getNextJob('other').then(String, String),
    ]);
    assert.match(refused, /OOM/);
    await redis.config('SET', 'maxmemory', '0');
    await held;
    assert.equal(attempt.stopReason, undefined);
    assert.match(String(errors[0]), /OOM/);
  });

  it('ends while it waits, when it is told to', async () => {
    await redis.config('SET', 'maxmemory', '1');
    const held = attempt.assertHeld();
    attempt.stop('shutdown');
    await assert.rejects(held, isStopped);
    await redis.config('SET', 'maxmemory', '0');
    assert.equal(attempt.stopReason, 'shutdown');
  });
});
