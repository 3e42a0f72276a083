import { mkdir, rm } from 'node:fs/promises';
import { addPacks, planJob } from '@longshore/producer';
import { QUEUE } from '@longshore/shared';
import { openStore, type Store } from '@longshore/store';
import { WorkerPool } from '@longshore/worker';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import type { Config } from '../config.ts';
import { CliError } from '../error.ts';
import { EXIT } from '../exit-codes.ts';
import { VERSION } from '../version.ts';

export interface WorkOptions {
  redis?: string;
  volume: string[];
  destination: string[];
  threads?: number;
  spool?: string;
  name?: string;
  grace: number;
  lock: number;
  private?: boolean;
}

/** `NAME=ADDRESS`, or an address alone, which is then its own name. */
function named(specs: readonly string[], configured: Record<string, string>): Map<string, string> {
  const pairs = specs.map((spec): [string, string] => {
    const at = spec.indexOf('=');
    return at < 0 ? [spec, spec] : [spec.slice(0, at), spec.slice(at + 1)];
  });
  return new Map([...Object.entries(configured), ...pairs]);
}

async function openStores(addresses: Map<string, string>): Promise<Map<string, Store>> {
  const stores = new Map<string, Store>();
  for (const [name, uri] of addresses) stores.set(name, await openStore(uri));
  return stores;
}

function redisOf(options: WorkOptions, config: Config): string {
  const redis = options.redis ?? config.redis;
  if (redis) return redis;
  throw new CliError(
    'USAGE',
    'There is no Redis to take jobs from: give --redis URL or LONGSHORE_REDIS_URL.',
  );
}

/** `longshore work`: a worker process. Ends on SIGTERM (143) or SIGINT (130), after handing its jobs back. */
export async function workCommand(options: WorkOptions, config: Config): Promise<void> {
  const redis = redisOf(options, config);
  const spool = options.spool ?? config.temp;
  // Before anything is begun, so that a signal that comes early finds a process that clears up.
  const stopped = untilStopped();
  if (options.private) endWithParent({ redis, spool });
  await mkdir(spool, { recursive: true });
  const destinations = await openStores(named(options.destination, config.destinations));
  const logger = pino(
    { level: config.debug ? 'debug' : config.logLevel, base: { worker: options.name } },
    pino.destination(2),
  );
  const pool = await WorkerPool.start({
    redis,
    queue: QUEUE,
    threads: options.threads ?? config.cores,
    spool,
    lockMs: options.lock * 1_000,
    volumes: named(options.volume, config.volumes),
    destinations,
    version: VERSION,
    plan: planJob,
    addPacks,
    logger,
  });
  logger.info('ready');
  process.exitCode = await stopped;
  await pool.stop({ graceMs: options.grace * 1_000 });
  await Promise.all([...destinations.values()].map((store) => store[Symbol.asyncDispose]()));
}

/** Resolves with the exit code once this process is told to end. */
function untilStopped(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  process.once('SIGTERM', () => resolve(EXIT.terminated));
  process.once('SIGINT', () => resolve(EXIT.interrupted));
  return promise;
}

interface PrivateParts {
  redis: string;
  spool: string;
}

/**
 * A private worker has a channel to the export's process. When that is gone, perhaps before this was called,
 * nobody else is left to end its Redis and to remove its folder.
 */
function endWithParent(parts: PrivateParts): void {
  const end = () => void clearUp(parts).finally(() => process.exit(EXIT.failed));
  process.channel?.unref();
  process.once('disconnect', end);
  if (!process.connected) end();
}

async function clearUp({ redis, spool }: PrivateParts): Promise<void> {
  await endPrivateRedis(redis);
  await rm(spool, { recursive: true, force: true, maxRetries: 3 });
}

async function endPrivateRedis(redis: string): Promise<void> {
  const client = new Redis(redis, { maxRetriesPerRequest: 0, lazyConnect: true });
  client.on('error', () => client.disconnect());
  await client
    .connect()
    .then(() => client.shutdown('NOSAVE'))
    .catch(() => undefined);
  client.disconnect();
}
