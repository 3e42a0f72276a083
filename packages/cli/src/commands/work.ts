import { mkdir, rm } from 'node:fs/promises';
import { addPacks, planJob } from '@longshore/producer';
import { QUEUE, type RedisAddress } from '@longshore/shared';
import { WorkerPool } from '@longshore/worker';
import { pino } from 'pino';
import type { ServiceConfig } from '../config/service.ts';
import type { Config } from '../config.ts';
import { CliError } from '../error.ts';
import { EXIT } from '../exit-codes.ts';
import { checkRedisAddress } from '../redis/address.ts';
import { connectRedis } from '../redis/connect.ts';
import { VERSION } from '../version.ts';
import { expectNoRefusal } from './expect-no-refusal.ts';
import { ExportEnd } from './export-end.ts';
import { closeStores, type Destinations, openStores } from './open-stores.ts';
import { untilStopped } from './until-stopped.ts';

export interface WorkOptions {
  config?: string;
  redis?: string;
  volume: string[];
  destination: string[];
  threads?: number;
  spool?: string;
  name?: string;
  grace: number;
  lock: number;
  private?: boolean;
  /** Of the queue; the one that serves all exports of an installation where none is named. */
  queue?: string;
  /** In a pod: the one run that this worker is for. */
  export?: string;
}

/** `NAME=ADDRESS`, or an address alone, which is then its own name. */
function named(specs: readonly string[]): [name: string, address: string][] {
  return specs.map((spec) => {
    const at = spec.indexOf('=');
    return at < 0 ? [spec, spec] : [spec.slice(0, at), spec.slice(at + 1)];
  });
}

/** The configuration file's part; a private worker is told everything by the process that started it. */
async function serviceOf(options: WorkOptions, config: Config): Promise<ServiceConfig | undefined> {
  if (options.private) return undefined;
  // Loaded where it's needed: the parser and the schema take as long to load as a worker's own code.
  const { findConfigFile, readServiceConfig } = await import('../config/service.ts');
  const file = await findConfigFile(options.config, config);
  return file === undefined ? undefined : readServiceConfig(file, config);
}

interface WorkSettings {
  redis: RedisAddress;
  volumes: ReadonlyMap<string, string>;
  destinations: Destinations;
  spool: string;
  threads: number;
  logLevel: string;
}

/** Flags go before the environment, which goes before the file. */
async function settingsOf(options: WorkOptions, config: Config): Promise<WorkSettings> {
  const service = await serviceOf(options, config);
  const redis = options.redis ?? config.redis ?? service?.redis;
  if (!redis) throw noRedis();
  checkRedisAddress(redis);
  const volumes = [...(service?.volumes ?? Object.entries(config.volumes)), ...named(options.volume)];
  const uris = [...(service ? [] : Object.entries(config.destinations)), ...named(options.destination)];
  const destinations = uris.map(([name, uri]) => [name, { uri }] as const);
  return {
    redis,
    volumes: new Map(volumes),
    destinations: new Map([...(service?.destinations ?? []), ...destinations]),
    spool: options.spool ?? service?.spool ?? config.temp,
    threads: options.threads ?? service?.threads ?? config.cores,
    logLevel: config.debug ? 'debug' : (config.logLevel ?? service?.logLevel ?? 'info'),
  };
}

function noRedis(): CliError {
  const message =
    'There is no Redis to take jobs from: give --redis URL, LONGSHORE_REDIS_URL, or redis in the configuration file.';
  return new CliError('USAGE', message);
}

/** `longshore work`: a worker process. Ends on SIGTERM (143) or SIGINT (130), after handing its jobs back. */
export async function workCommand(options: WorkOptions, config: Config): Promise<void> {
  // Before anything is begun, so that a signal that comes early finds a process that clears up.
  const stopped = untilStopped();
  const settings = await settingsOf(options, config);
  if (options.private) endWithParent(settings);
  const logger = pino({ level: settings.logLevel, base: { worker: options.name } }, pino.destination(2));
  // A pod's user is made again by the producer where Redis has lost it.
  if (!options.private && !options.export)
    await Promise.race([expectNoRefusal(settings.redis, logger), stopped]);
  await mkdir(settings.spool, { recursive: true });
  const destinations = await openStores(settings.destinations);
  const { logLevel: _, ...rest } = settings;
  const queue = options.queue ?? QUEUE;
  const pool = await startPool({ ...rest, destinations, logger, queue, lockMs: options.lock * 1_000 });
  logger.info('ready');
  await using end = untilExportEnds(options, { redis: settings.redis, queue });
  process.exitCode = EXIT[ENDS[await Promise.race([stopped, end.reached])]];
  await pool.stop({ graceMs: options.grace * 1_000 });
  await closeStores(destinations);
}

/** A pod that exits with 0 isn't replaced: only the end of its export is a reason to. */
const ENDS = { SIGINT: 'interrupted', SIGTERM: 'terminated', 'export-ended': 'complete' } as const;

type OwnPart = 'version' | 'plan' | 'addPacks';

function startPool(options: Omit<Parameters<typeof WorkerPool.start>[0], OwnPart>): Promise<WorkerPool> {
  return WorkerPool.start({ ...options, version: VERSION, plan: planJob, addPacks });
}

/** Never reached by a worker that serves whatever comes. */
function untilExportEnds(
  { export: id }: WorkOptions,
  access: { redis: RedisAddress; queue: string },
): AsyncDisposable & { reached: Promise<'export-ended'> } {
  if (id !== undefined) return new ExportEnd(id, access);
  return { reached: new Promise(() => undefined), [Symbol.asyncDispose]: async () => undefined };
}

interface PrivateParts {
  redis: RedisAddress;
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

async function endPrivateRedis(redis: RedisAddress): Promise<void> {
  const client = connectRedis(redis, { maxRetriesPerRequest: 0, lazyConnect: true });
  client.on('error', () => client.disconnect());
  await client
    .connect()
    .then(() => client.shutdown('NOSAVE'))
    .catch(() => undefined);
  client.disconnect();
}
