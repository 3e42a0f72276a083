import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Failure,
  failureOf,
  formatFailure,
  isAboutAJob,
  PREFIX,
  type RedisAddress,
  RedisHealth,
  RelayedError,
} from '@longshore/shared';
import { processMark, removeAbandoned } from '@longshore/store';
import { type Job, Queue, UnrecoverableError, WaitingChildrenError, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Attempt, type StopReason } from './attempt.ts';
import { CancelSignals } from './cancel-signals.ts';
import { ExportContexts, type ExportSource } from './export-context.ts';
import { failuresOf } from './failures.ts';
import type { AddPacks, PlanProcessor } from './job-run.ts';
import { PROCESSORS } from './processors.ts';
import { countRetry } from './progress.ts';
import { connectRedis } from './redis.ts';
import { retryDelay, worthRetrying } from './retries.ts';
import { OutputMemory } from './threads/output-memory.ts';
import { RenderThreads } from './threads/render-threads.ts';

export interface PoolOptions extends ExportSource {
  redis: RedisAddress;
  queue: string;
  /** Render threads: about one per core. */
  threads: number;
  /** An existing local folder for intermediate files. */
  spool: string;
  /** How long a job may go without a sign of life before another worker takes it, in ms. */
  lockMs: number;
  plan: PlanProcessor;
  addPacks: AddPacks;
  logger: Logger;
}

/** Jobs beyond the threads: while these render, others download segments and upload parts. */
const JOBS_BEYOND_THREADS = 2;

/**
 * Address space for an item's compressed bytes, which are 256 MiB at most and a little more where they don't compress;
 * and as much again for what threads still have that were left behind.
 */
const OUTPUT_BYTES_PER_JOB = 2 * 260 * 2 ** 20;

/**
 * Compressed bytes in memory that are enough for a thread to have others uploaded meanwhile: an item that doesn't
 * compress, and an eighth. Two of them at least, for one connection alone is slow on most networks.
 */
const ENOUGH_OUTPUT_BYTES = 72 * 2 ** 20;

/** How long a Redis that refuses commands isn't asked for jobs. */
const REST_MS = 1_000;

/** What handing jobs back may take, after their attempts were told to end. */
const HAND_BACK_MS = 3_000;

/** What it may take beyond that on a machine that is busy, as long as Redis is there to take them. */
const BUSY_MS = 4_000;

/** What taking leave of Redis may take. */
const CLOSE_MS = 3_000;

const SPOOL_PREFIX = 'longshore-worker-';

/** Pods come and go: being taken from a lost worker says nothing against a job. */
const MAX_STALLED_COUNT = 1_000_000;

/**
 * One process's share of the work: takes jobs of every kind from the queue, as many at a time as it has
 * threads and a few more that wait for the network.
 */
export class WorkerPool {
  #options: PoolOptions;
  #redis: Redis;
  #queue: Queue;
  #worker: Worker;
  #threads: RenderThreads;
  #contexts: ExportContexts;
  #cancelled: CancelSignals;
  #attempts = new Set<Attempt>();
  #ending = false;
  #onSettled: (() => void) | undefined;
  #spool: string;
  #health: RedisHealth;
  /** Set while a Redis that refuses commands is left in peace. */
  #rest: NodeJS.Timeout | undefined;

  /** Also removes what killed workers left in the spool's folder. */
  static async start(options: PoolOptions): Promise<WorkerPool> {
    await removeAbandoned(options.spool, SPOOL_PREFIX);
    const spool = await mkdtemp(join(options.spool, `${SPOOL_PREFIX}${processMark}`));
    return new WorkerPool({ ...options, spool });
  }

  constructor(options: PoolOptions) {
    const { redis, queue, threads, lockMs, spool } = options;
    this.#options = options;
    this.#spool = spool;
    this.#health = new RedisHealth(options.logger);
    const onError = (error: Error) => this.#health.failed(error);
    this.#redis = connectRedis(redis);
    this.#redis.on('error', onError);
    const jobs = threads + JOBS_BEYOND_THREADS;
    const maxBytes = jobs * OUTPUT_BYTES_PER_JOB;
    const enoughBytes = Math.max(2, threads) * ENOUGH_OUTPUT_BYTES;
    this.#threads = new RenderThreads(threads, OutputMemory.reserve({ maxBytes, enoughBytes }));
    this.#contexts = new ExportContexts(options);
    this.#cancelled = new CancelSignals({ redis: this.#redis, queue, onError });
    this.#queue = new Queue(queue, { connection: this.#redis, prefix: PREFIX });
    this.#queue.on('error', onError);
    this.#worker = new Worker(queue, (job, token) => this.#process(job, token ?? ''), {
      connection: this.#redis,
      prefix: PREFIX,
      concurrency: jobs,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: MAX_STALLED_COUNT,
      settings: { backoffStrategy: (made) => retryDelay(made) },
    });
    this.#worker.on('error', (error) => this.#onWorkerError(error));
    for (const sign of ['ready', 'active', 'locksRenewed'] as const)
      this.#worker.on(sign, () => this.#health.works());
    this.#worker.on('lockRenewalFailed', (ids: string[]) => this.#stop('lock-lost', ids));
  }

  /**
   * Takes no new job, lets those under way finish for `graceMs`, and hands back at once what isn't finished
   * then: it costs no attempt, and no other worker waits for a lock to run out. Resolves also where Redis is
   * away: what can't be handed back is taken again when its lock has run out.
   */
  async stop({ graceMs }: { graceMs: number }): Promise<void> {
    clearTimeout(this.#rest);
    await this.#worker.pause(true);
    const settled = (await this.#settled(graceMs)) || (await this.#end());
    // A job that was on its way when we paused goes back as well.
    this.#ending = true;
    const reachable = settled && this.#redis.status === 'ready';
    // Ends everything that waits for an answer.
    if (!reachable) this.#redis.disconnect();
    await Promise.race([this.#worker.close(!reachable), delay(CLOSE_MS, undefined, { ref: false })]);
    // A close that waits for a job whose answer never comes doesn't get to this, and a timer would keep the process.
    // biome-ignore lint/complexity/useLiteralKeys: it's protected, which a dot respects
    await this.#worker['lockManager'].close();
    await this.#cancelled[Symbol.asyncDispose]();
    await this.#threads[Symbol.asyncDispose]();
    await this.#queue.close();
    this.#redis.disconnect();
    await rm(this.#spool, { recursive: true, force: true });
  }

  /** Waits until nothing is under way, for `ms` at most; says whether it is so. */
  async #settled(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#onSettled = () => resolve(true);
    const timer = setTimeout(() => resolve(false), ms);
    if (this.#attempts.size === 0) resolve(true);
    return promise.finally(() => clearTimeout(timer));
  }

  async #end(): Promise<boolean> {
    this.#ending = true;
    this.#stop('shutdown');
    if (await this.#settled(HAND_BACK_MS)) return true;
    return this.#redis.status === 'ready' && this.#settled(BUSY_MS);
  }

  async #process(job: Job, token: string): Promise<unknown> {
    const { lockMs } = this.#options;
    const attempt = new Attempt({ job, token, lockMs, onError: (error) => this.#health.failed(error) });
    this.#attempts.add(attempt);
    if (this.#ending) attempt.stop('shutdown');
    try {
      return await this.#run(attempt);
    } catch (error) {
      throw await this.#verdict(attempt, error);
    } finally {
      this.#attempts.delete(attempt);
      if (this.#attempts.size === 0) this.#onSettled?.();
    }
  }

  async #run(attempt: Attempt): Promise<unknown> {
    const { job } = attempt;
    const processor = isProcessed(job.name) ? PROCESSORS[job.name] : undefined;
    if (!processor) throw new UnrecoverableError(`There is no job called ${JSON.stringify(job.name)}.`);
    const data = processor.data.parse(job.data);
    using _ = await this.#cancelled.watch(data.export, attempt);
    attempt.signal.throwIfAborted();
    if (job.attemptsStarted > 1 && job.name === 'pack') await this.#countRetry(data.export);
    return await processor.run({
      ...this.#options,
      data,
      attempt,
      contexts: this.#contexts,
      threads: this.#threads,
      queue: this.#queue,
      redis: this.#redis,
      spool: this.#spool,
    });
  }

  async #countRetry(exportId: string): Promise<void> {
    await countRetry({ redis: this.#redis, queue: this.#queue.name, exportId });
  }

  /** What BullMQ is to be told of an attempt that failed: go on later, go back at once, or give up. */
  async #verdict(attempt: Attempt, error: unknown): Promise<Error> {
    const { job, stopReason } = attempt;
    if (error instanceof WaitingChildrenError) return error;
    if (stopReason === 'shutdown') return this.#handBack(attempt);
    // What a stopped attempt fails with is whatever was under way: no reason to try again, or not to.
    const failure = failureOf(stopReason ? attempt.signal.reason : error);
    const log = { job: job.id, exportId: job.data.export, code: failure.code, attempt: job.attemptsMade + 1 };
    const failed = failuresOf(job, failure.code) + 1;
    const retried = stopReason === 'lock-lost' || worthRetrying(failure.code, failed);
    this.#tell(failure, { retried, log });
    const reason = formatFailure(failure);
    return retried ? new Error(reason, { cause: error }) : new UnrecoverableError(reason);
  }

  /** A Redis that refuses is told of once, and not by every job as well. */
  #tell(failure: Failure, { retried, log }: { retried: boolean; log: object }): void {
    const known = retried && failure.code === 'REDIS_FULL';
    if (known) this.#health.failed(new RelayedError(formatFailure(failure)));
    this.#options.logger[known ? 'debug' : retried ? 'warn' : 'error'](log, failure.message);
  }

  async #handBack({ job, token }: Attempt): Promise<WaitingError> {
    await job.moveToWait(token).catch((error: Error) => {
      // Another worker takes the job when its lock has run out.
      this.#options.logger.warn({ job: job.id }, `The job could not be handed back: ${error.message}`);
    });
    return new WaitingError();
  }

  #stop(reason: StopReason, ids?: readonly string[]): void {
    for (const attempt of this.#attempts)
      if (!ids || ids.includes(attempt.job.id ?? '')) attempt.stop(reason);
  }

  #onWorkerError(error: Error): void {
    if (isAboutAJob(error)) {
      this.#options.logger.debug(error.message);
      return;
    }
    this.#health.failed(error);
    this.#leaveInPeace();
  }

  /** BullMQ asks a Redis that refuses for the next job at once again, thousands of times a second. */
  #leaveInPeace(): void {
    if (this.#rest || this.#worker.isPaused() || this.#worker.closing) return;
    void this.#worker.pause(true);
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      void this.#worker.resume();
    }, REST_MS);
  }
}

function isProcessed(name: string): name is keyof typeof PROCESSORS {
  return Object.hasOwn(PROCESSORS, name);
}
