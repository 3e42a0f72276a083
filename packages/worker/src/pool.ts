import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failureOf, formatFailure, PREFIX } from '@longshore/shared';
import { processMark, removeAbandoned } from '@longshore/store';
import { type Job, Queue, UnrecoverableError, WaitingChildrenError, WaitingError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Attempt, type StopReason } from './attempt.ts';
import { CancelSignals } from './cancel-signals.ts';
import { ExportContexts, type ExportSource } from './export-context.ts';
import type { AddPacks, PlanProcessor } from './job-run.ts';
import { PROCESSORS } from './processors.ts';
import { countRetry } from './progress.ts';
import { retryDelay, worthRetrying } from './retries.ts';
import { RenderThreads } from './threads/render-threads.ts';

export interface PoolOptions extends ExportSource {
  /** Redis URL, or the path of a unix socket. */
  redis: string;
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
  #attempts = new Map<string, Attempt>();
  #spool: string;
  #failing = false;

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
    this.#redis = new Redis(redis, { maxRetriesPerRequest: null });
    this.#redis.on('error', this.#onRedisError);
    this.#threads = new RenderThreads(threads);
    this.#contexts = new ExportContexts(options);
    this.#cancelled = new CancelSignals({ redis: this.#redis, queue, onError: this.#onRedisError });
    this.#queue = new Queue(queue, { connection: this.#redis, prefix: PREFIX });
    this.#queue.on('error', this.#onRedisError);
    this.#worker = new Worker(queue, (job, token) => this.#process(job, token ?? ''), {
      connection: this.#redis,
      prefix: PREFIX,
      concurrency: threads + JOBS_BEYOND_THREADS,
      lockDuration: lockMs,
      stalledInterval: lockMs / 2,
      maxStalledCount: MAX_STALLED_COUNT,
      settings: { backoffStrategy: (made) => retryDelay(made) },
    });
    this.#worker.on('error', this.#onRedisError);
    this.#worker.on('ready', () => this.#redisIsBack());
    this.#worker.on('lockRenewalFailed', (ids: string[]) => this.#stop('lock-lost', ids));
  }

  /**
   * Takes no new job, lets those under way finish for `graceMs`, and hands back at once what isn't finished
   * then: it costs no attempt, and no other worker waits for a lock to run out.
   */
  async stop({ graceMs }: { graceMs: number }): Promise<void> {
    await this.#worker.pause(true);
    const timer = setTimeout(() => this.#stop('shutdown'), graceMs);
    await this.#worker.close();
    clearTimeout(timer);
    await this.#cancelled[Symbol.asyncDispose]();
    await this.#threads[Symbol.asyncDispose]();
    await this.#queue.close();
    this.#redis.disconnect();
    await rm(this.#spool, { recursive: true, force: true });
  }

  async #process(job: Job, token: string): Promise<unknown> {
    const attempt = new Attempt({ job, token, lockMs: this.#options.lockMs });
    const key = job.id ?? attempt.id;
    this.#attempts.set(key, attempt);
    try {
      return await this.#run(attempt);
    } catch (error) {
      throw await this.#verdict(attempt, error);
    } finally {
      this.#attempts.delete(key);
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
    return processor.run({
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
    if (stopReason === 'shutdown') {
      await job.moveToWait(attempt.token);
      return new WaitingError();
    }
    const failure = failureOf(error);
    const log = { job: job.id, exportId: job.data.export, code: failure.code, attempt: job.attemptsMade + 1 };
    const retried = stopReason === 'lock-lost' || worthRetrying(error, job.attemptsMade + 1);
    this.#options.logger[retried ? 'warn' : 'error'](log, failure.message);
    const reason = formatFailure(failure);
    return retried ? new Error(reason, { cause: error }) : new UnrecoverableError(reason);
  }

  #stop(reason: StopReason, ids = [...this.#attempts.keys()]): void {
    for (const id of ids) this.#attempts.get(id)?.stop(reason);
  }

  /** Redis being away is said once, not once for each command that fails. */
  #onRedisError = (error: Error): void => {
    if (this.#failing) return;
    this.#failing = true;
    this.#options.logger.warn(
      { code: failureOf(error).code },
      `Redis can't be used: ${error.message}; waiting for it.`,
    );
    this.#redis.once('ready', () => this.#redisIsBack());
  };

  #redisIsBack(): void {
    if (this.#failing) this.#options.logger.info('Redis can be used again.');
    this.#failing = false;
  }
}

function isProcessed(name: string): name is keyof typeof PROCESSORS {
  return Object.hasOwn(PROCESSORS, name);
}
