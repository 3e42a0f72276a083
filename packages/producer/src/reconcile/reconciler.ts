import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { isAboutAJob, isLongshoreError, type LongshoreError, PREFIX, RedisHealth } from '@longshore/shared';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ReconcileSetting } from './parts.ts';
import { reconcile } from './reconcile.ts';

/** The queue of reconciling: one job for each export that is to be looked at. */
export const RECONCILE_QUEUE = 'reconcile';

/** Exports that one producer looks at at the same time: it mostly waits for Redis and stores. */
const CONCURRENCY = 16;

/** How often each producer has every export looked at that is due: the most that a change can go unnoticed. */
const RESYNC_MS = 1_000;

/** Exports that are woken by one resync; the next ones are a second later. */
const RESYNC_LIMIT = 1_000;

/** How long a job goes without a sign of life before another producer takes it: what a killed one had waits for so long. */
const LOCK_MS = 6_000;

/** What leaving may take. */
const CLOSE_MS = 5_000;

const MAX_STALLED_COUNT = 1_000_000;

/** Nothing stays of a key that was only written to see whether that's possible. */
const PROBE_MS = 10_000;

export interface ReconcilerOptions extends Omit<ReconcileSetting, 'signal'> {
  redis: Redis;
  /** For a connection that waits for jobs. */
  connect(): Redis;
}

/**
 * Reconciles exports, one at a time each, several at once. An export that is woken while it's being reconciled is so
 * again right afterwards; its job carries no data, because what counts is what the record says then. It isn't a lock:
 * a producer that was stopped for a while may be at the same export as the one that took over, so every step is
 * conditional on the record's revision. What is due is found by each producer's own clock, and not by a scheduled job,
 * which would be lost with Redis.
 */
export class Reconciler implements AsyncDisposable {
  readonly queue: Queue;
  #options: ReconcilerOptions;
  #worker: Worker;
  #connection: Redis;
  #health: RedisHealth;
  #leaving = new AbortController();
  #resyncing: Promise<void>;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#health = new RedisHealth(options.logger);
    const onError = (error: Error) => this.#onError(error);
    this.queue = new Queue(RECONCILE_QUEUE, { connection: options.redis, prefix: PREFIX });
    this.queue.on('error', onError);
    this.#connection = options.connect();
    this.#connection.on('error', onError);
    this.#worker = new Worker(RECONCILE_QUEUE, (job) => this.#reconcile(String(job.data.export)), {
      connection: this.#connection,
      prefix: PREFIX,
      concurrency: CONCURRENCY,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS / 2,
      maxStalledCount: MAX_STALLED_COUNT,
    });
    this.#worker.on('error', onError);
    this.#resyncing = this.#resync();
  }

  /** Has exports looked at, at once or right after they are being looked at. */
  async wake(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.queue.addBulk(
      ids.map((id) => ({
        name: 'reconcile',
        data: { export: id },
        opts: {
          deduplication: { id, keepLastIfActive: true },
          removeOnComplete: true,
          removeOnFail: true,
        },
      })),
    );
  }

  /** Where Redis is away nothing is waited for: what was under way is looked for again by whoever comes next. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    const away = once(this.#connection, 'close');
    if (this.#connection.status === 'ready')
      await Promise.race([this.#close(), away, delay(CLOSE_MS, undefined, { ref: false })]);
    void this.#worker.close(true).catch(() => undefined);
    this.#connection.disconnect();
    // A close that waits for a job whose answer never comes doesn't get to this, and a timer would keep the process.
    // biome-ignore lint/complexity/useLiteralKeys: it's protected, which a dot respects
    await this.#worker['lockManager'].close();
  }

  async #close(): Promise<void> {
    await this.#resyncing;
    await this.#worker.close();
    await this.queue.close();
  }

  async #reconcile(id: string): Promise<void> {
    const { signal } = this.#leaving;
    try {
      await reconcile(id, { ...this.#options, signal });
    } catch (error) {
      // The record says what is to be done, and it's still due: nothing is lost with this job.
      if (!signal.aborted) this.#onError(error);
    }
  }

  async #resync(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      try {
        await this.wake(await this.#options.records.due(Date.now(), RESYNC_LIMIT));
        if (this.#health.isTroubled) await this.#probe();
        this.#health.works();
      } catch (error) {
        this.#onError(error);
      }
      await delay(RESYNC_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** Where nothing is due, nothing was written, and a full Redis would seem to be well. */
  async #probe(): Promise<void> {
    await this.#options.redis.set(this.queue.toKey('longshore:probe'), '', 'PX', PROBE_MS);
  }

  #onError(error: unknown): void {
    if (this.#leaving.signal.aborted) return;
    const known = error instanceof Error ? error : new Error(String(error));
    if (isAboutAJob(known)) this.#options.logger.debug(known.message);
    else if (isLongshoreError(known)) this.#tell(known);
    else this.#health.failed(known);
  }

  /** Of records and places, which a cluster keeps elsewhere than in Redis. Another producer was quicker: no news. */
  #tell({ code, message }: LongshoreError<string>): void {
    this.#options.logger[code === 'RECORD_CHANGED' ? 'debug' : 'warn']({ code }, message);
  }
}
