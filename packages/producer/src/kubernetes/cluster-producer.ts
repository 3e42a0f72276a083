import { setTimeout as delay } from 'node:timers/promises';
import type { KubeConfig } from '@kubernetes/client-node';
import { PREFIX, type RedisAddress } from '@longshore/shared';
import { thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { Exports } from '../exports/exports.ts';
import { Reconciler } from '../reconcile/reconciler.ts';
import { AddressGuard, type GuardedNetworks } from './address-guard.ts';
import { claimRequest } from './claim-request.ts';
import { clusterApi } from './cluster-api.ts';
import { KubernetesRecordStore } from './kubernetes-record-store.ts';
import { ClusterPlaces } from './places.ts';
import { queueOf, RedisUsers } from './redis-users.ts';
import { Reservations } from './reservations.ts';
import type { WorkerImage } from './worker-job.ts';
import { JobWorkforce } from './workforce.ts';

export interface ClusterProducerOptions {
  config: KubeConfig;
  /** With the rights to manage users. */
  redis: RedisAddress;
  /** What the passwords of exports' users are derived from. */
  key: string;
  image: WorkerImage;
  networks: GuardedNetworks;
  /** Only this namespace's exports; all where none is named. */
  namespace?: string;
  version: string;
  retainFailedMs?: number;
  /** How long the deletion of an export whose store can't be reached waits for it. */
  releaseMs?: number;
  logger: Logger;
}

/** As in an installation without a cluster. */
const RETAIN_FAILED_MS = 7 * 24 * 3_600_000;

/** Long enough to put a Secret back; whoever deletes a namespace waits for it. */
const RELEASE_MS = 10 * 60_000;

/** How often Redis is asked whether it still has the exports' users. */
const ASSERT_MS = 60_000;

/** Not a queue of exports: the board shows it, and readiness asks about it. */
const OWN_QUEUE = 'installation';

interface Parts {
  options: ClusterProducerOptions;
  redis: Redis;
  records: KubernetesRecordStore;
  users: RedisUsers;
  workforce: JobWorkforce;
}

/** The producer of an installation in a cluster, or one of several: sees every VolumeExport to its end. */
export class ClusterProducer implements AsyncDisposable {
  readonly exports: Exports;
  readonly records: KubernetesRecordStore;
  readonly queue: Queue;
  readonly redis: Redis;
  readonly volumes: ReadonlySet<string> = new Set();
  readonly destinations = new Map<string, never>();
  readonly reconciler: Reconciler;
  readonly #parts: Parts;
  readonly #places: ClusterPlaces;
  readonly #leaving = new AbortController();
  readonly #asserting: Promise<void>;

  static async start(options: ClusterProducerOptions): Promise<ClusterProducer> {
    const { config, namespace, logger, image, key } = options;
    const api = clusterApi(config);
    const redis = connectTo(options.redis);
    // The reconciler says it, once.
    redis.on('error', () => undefined);
    const reservations = new Reservations(redis, `${PREFIX}:longshore:idempotency:`);
    const records = await KubernetesRecordStore.open({ api, reservations, namespace, logger });
    const users = new RedisUsers({ redis, key, logger });
    const workforce = await JobWorkforce.open({
      api,
      records,
      users,
      redis: options.redis,
      image,
      namespace,
      logger,
    });
    return new ClusterProducer({ options, redis, records, users, workforce });
  }

  private constructor(parts: Parts) {
    this.#parts = parts;
    const { options, redis, records, users, workforce } = parts;
    const { logger, version, config, networks } = options;
    this.redis = redis;
    this.records = records;
    this.queue = new Queue(OWN_QUEUE, { connection: redis, prefix: PREFIX });
    this.queue.on('error', () => undefined);
    const guard = new AddressGuard(networks);
    const api = clusterApi(config);
    this.#places = new ClusterPlaces({
      api,
      redis: options.redis,
      users,
      workforce,
      guard,
      connect: connectTo,
    });
    this.reconciler = new Reconciler({
      redis,
      records,
      logger,
      placeOf: this.#places.placeOf,
      build: thisBuild(version),
      retainFailedMs: options.retainFailedMs ?? RETAIN_FAILED_MS,
      releaseMs: options.releaseMs ?? RELEASE_MS,
      connect: () => connectTo(options.redis),
    });
    this.exports = new Exports({
      redis,
      records,
      places: {
        requestOf: claimRequest,
        queueOf: ({ id }) => queueOf(id),
        setWorkers: (record, workers) => records.setWorkers(record, workers),
        storeOf: this.#places.storeOf,
      },
      wake: (ids) => this.reconciler.wake(ids),
    });
    this.redis.on('ready', () => void this.#assertUsers());
    this.#asserting = this.#keepAsserting();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.#asserting;
    await this.reconciler[Symbol.asyncDispose]();
    await this.#places[Symbol.asyncDispose]();
    await this.#parts.workforce[Symbol.asyncDispose]();
    await this.records[Symbol.asyncDispose]();
    if (this.redis.status === 'ready') await this.queue.close();
    this.redis.disconnect();
  }

  async #keepAsserting(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      await this.#assertUsers();
      await delay(ASSERT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A Redis that was restarted without its users has refused everything since. */
  async #assertUsers(): Promise<void> {
    const { records, users, options } = this.#parts;
    try {
      const live = new Set(records.liveIds());
      await users.assert(live);
      await this.#places.tidy(live);
    } catch (error) {
      options.logger.warn(`The exports' users in Redis can't be looked at: ${String(error)}`);
    }
  }
}

/** A connection that waits for a Redis that is away, as BullMQ wants it. */
function connectTo(address: RedisAddress): Redis {
  const options = { maxRetriesPerRequest: null };
  return typeof address === 'string' ? new Redis(address, options) : new Redis({ ...address, ...options });
}
