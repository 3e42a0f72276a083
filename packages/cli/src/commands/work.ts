import { mkdir } from 'node:fs/promises';
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
  process.exitCode = await untilStopped(redis);
  await pool.stop({ graceMs: options.grace * 1_000 });
  await Promise.all([...destinations.values()].map((store) => store[Symbol.asyncDispose]()));
}

/** Resolves with the exit code once this process is told to end, or its parent is gone. */
function untilStopped(redis: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  process.once('SIGTERM', () => resolve(EXIT.terminated));
  process.once('SIGINT', () => resolve(EXIT.interrupted));
  // An embedded worker has a channel to the export's process: without that, its private Redis goes too.
  process.channel?.unref();
  process.once('disconnect', () => endPrivateRedis(redis).finally(() => process.exit(EXIT.failed)));
  return promise;
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
