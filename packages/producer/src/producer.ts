import { PREFIX, QUEUE, type RedisAddress } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { configuredPlaces } from './exports/configured-places.ts';
import { Exports } from './exports/exports.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import { sharedPlace } from './reconcile/shared-place.ts';
import type { RecordStore } from './records/record-store.ts';
import { RedisRecordStore } from './records/redis-record-store.ts';

export interface ProducerOptions {
  redis: RedisAddress;
  /** Names of the volumes that may be exported. */
  volumes: ReadonlySet<string>;
  /** Destination name → its store; the caller closes them. */
  destinations: ReadonlyMap<string, Store>;
  /** Longshore's own version. */
  version: string;
  /** How long a failed export keeps what a retry would go on with, in ms. */
  retainFailedMs?: number;
  logger: Logger;
}

/** A week: a failure on a Friday evening can be looked at on Monday. */
const RETAIN_FAILED_MS = 7 * 24 * 3_600_000;

/** The producer of one installation, or one of several: takes requests, and sees every export to its end. */
export class Producer implements AsyncDisposable {
  readonly exports: Exports;
  readonly records: RecordStore;
  /** Where the exports' jobs are. */
  readonly queue: Queue;
  readonly redis: Redis;
  readonly volumes: ReadonlySet<string>;
  readonly destinations: ReadonlyMap<string, Store>;
  readonly reconciler: Reconciler;

  static async start(options: ProducerOptions): Promise<Producer> {
    return new Producer(options);
  }

  constructor(options: ProducerOptions) {
    const { volumes, destinations, version, logger } = options;
    const connect = () => connectTo(options.redis);
    this.volumes = volumes;
    this.destinations = destinations;
    this.redis = connect();
    // The reconciler says it, once.
    this.redis.on('error', () => undefined);
    this.queue = new Queue(QUEUE, { connection: this.redis, prefix: PREFIX });
    this.queue.on('error', () => undefined);
    this.records = new RedisRecordStore({ redis: this.redis, queue: QUEUE });
    const parts = { redis: this.redis, queue: this.queue, records: this.records, destinations, logger };
    const retainFailedMs = options.retainFailedMs ?? RETAIN_FAILED_MS;
    const placeOf = sharedPlace(parts);
    this.reconciler = new Reconciler({
      ...parts,
      placeOf,
      build: thisBuild(version),
      retainFailedMs,
      connect,
    });
    const places = configuredPlaces({ queue: QUEUE, volumes, destinations });
    this.exports = new Exports({ ...parts, places, wake: (ids) => this.reconciler.wake(ids) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reconciler[Symbol.asyncDispose]();
    if (this.redis.status === 'ready') await this.queue.close();
    this.redis.disconnect();
  }
}

/** A connection that waits for a Redis that is away, as BullMQ wants it. */
function connectTo(address: RedisAddress): Redis {
  const options = { maxRetriesPerRequest: null };
  return typeof address === 'string' ? new Redis(address, options) : new Redis({ ...address, ...options });
}
