import { Producer } from '@longshore/producer';
import { expectSafeAddress, type Listening, listen, ownArchives, TokenFile } from '@longshore/producer/api';
import type { RedisAddress } from '@longshore/shared';
import { type Logger, pino } from 'pino';
import { findConfigFile, readServiceConfig, type ServiceConfig } from '../config/service.ts';
import type { Config } from '../config.ts';
import { CliError } from '../error.ts';
import { EXIT } from '../exit-codes.ts';
import { shownRedis } from '../redis/address.ts';
import { VERSION } from '../version.ts';
import { expectNoRefusal } from './expect-no-refusal.ts';
import { openLiveVolumes } from './open-live-volumes.ts';
import { closeStores, openStores } from './open-stores.ts';
import type { startInCluster } from './serve-in-cluster.ts';
import { untilStopped } from './until-stopped.ts';

export interface ServeOptions {
  config?: string;
  listen?: string;
  redis?: string;
}

/** `longshore serve`: the HTTP API and the reconciler, until SIGTERM or SIGINT; exits with 0 then. */
export async function serveCommand(options: ServeOptions, config: Config): Promise<void> {
  const stopped = untilStopped();
  const file = await findConfigFile(options.config, config);
  const service = await readServiceConfig(file, {
    ...config,
    listen: options.listen ?? config.listen,
    redis: options.redis ?? config.redis,
  });
  const logger = pino({ level: config.debug ? 'debug' : service.logLevel, base: null }, pino.destination(2));
  await using server = await (service.kubernetes
    ? inCluster(service, { logger, pod: config.pod })
    : startServer(service, { logger, stopped }));
  logger.info(
    { url: server.url, config: file, redis: shownRedis(redisOf(service)) },
    `listening on ${server.url}`,
  );
  logger.info({ signal: await stopped }, 'stopping');
  setTimeout(() => leave(logger), STOP_MS).unref();
}

/** What a stop may take. Requests have 10 s; a Redis that is away could keep the rest waiting for ever. */
const STOP_MS = 13_000;

/** Nothing is lost: what has to be done stands in the records. */
function leave(logger: Logger): never {
  logger.warn('stopped without taking leave of everything: Redis, or a store, did not answer');
  process.exit(EXIT.complete);
}

interface Starting {
  logger: Logger;
  /** Resolves when it's told to stop: a Redis that is silent isn't waited for then. */
  stopped: Promise<unknown>;
}

/** Kubernetes' client library takes longer to load than everything else here. */
async function inCluster(...args: Parameters<typeof startInCluster>): ReturnType<typeof startInCluster> {
  const { startInCluster: start } = await import('./serve-in-cluster.ts');
  return start(...args);
}

/** The whole service, from its stores to its port; disposing of it ends them the other way round. */
async function startServer(
  service: ServiceConfig,
  { logger, stopped }: Starting,
): Promise<AsyncDisposable & { url: string }> {
  await using stack = new AsyncDisposableStack();
  const redis = redisOf(service);
  const tokens = await tokensOf(service, logger);
  expectSafeAddress(service.listen.host, { hasTokens: tokens !== undefined });
  if (tokens) stack.defer(onHangup(() => void tokens.reload()));
  warnOfNothing(service, logger);
  await Promise.race([expectNoRefusal(redis, logger), stopped]);
  const destinations = stack.adopt(await openStores(service.destinations), closeStores);
  const producer = stack.use(await startProducer(service, { redis, destinations, logger }));
  const live = stack.use(openLiveVolumes(service, logger));
  const listening: Listening = stack.use(
    await listen(service.listen, {
      producer,
      live: ownArchives(live),
      logger,
      tokens,
      publicUrl: service.publicUrl,
      metricsAccess: service.auth.metrics,
      trustedProxies: service.trustedProxies,
      cacheFolder: service.spool,
      limits: service.limits,
    }),
  );
  const parts = stack.move();
  return { url: listening.url, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

function redisOf({ redis }: ServiceConfig): RedisAddress {
  if (redis !== undefined) return redis;
  const message =
    'There is no Redis for the queue: give --redis URL, LONGSHORE_REDIS_URL, or redis in the configuration file.';
  throw new CliError('USAGE', message);
}

async function tokensOf({ auth }: ServiceConfig, logger: Logger): Promise<TokenFile | undefined> {
  return auth.tokensFile === undefined ? undefined : TokenFile.open(auth.tokensFile, { logger });
}

type ProducerParts = Pick<Parameters<typeof Producer.start>[0], 'redis' | 'destinations' | 'logger'>;

function startProducer({ volumes, retainFailedMs }: ServiceConfig, parts: ProducerParts): Promise<Producer> {
  return Producer.start({ ...parts, volumes: new Set(volumes.keys()), version: VERSION, retainFailedMs });
}

/** A service with nothing to export, or nowhere to, isn't wrong: it may be on its way to be set up. */
function warnOfNothing({ volumes, destinations }: ServiceConfig, logger: Logger): void {
  for (const [what, { size }] of Object.entries({ volumes, destinations }))
    if (size === 0)
      logger.warn(`There are no ${what} in the configuration: every request for an export will be refused.`);
}

/** SIGHUP ends a process that doesn't listen for it. */
function onHangup(act: () => void): () => void {
  process.on('SIGHUP', act);
  return () => void process.off('SIGHUP', act);
}
