import { stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { ConfiguredName, type RedisAddress } from '@longshore/shared';
import { z } from 'zod';
import { contains } from '../commands/export-paths.ts';
import { type Config, LOG_LEVELS, type LogLevel } from '../config.ts';
import { type DestinationConfig, destinationSection, VolumeSection } from './destination.ts';
import { AbsolutePath, Duration, HostAndPort, type HostPort } from './fields.ts';
import { type Overrides, overlay } from './overrides.ts';
import { type Problem, problemsOf, words } from './problems.ts';
import { parseText, readText, refusal } from './read-yaml.ts';
import { RedisSection } from './redis.ts';

/** Where the configuration is looked for when nobody names a file. */
export const DEFAULT_FILE = '/etc/longshore/config.yaml';

/** Loopback: beyond it the API asks for tokens. */
const DEFAULT_LISTEN: HostPort = { host: '127.0.0.1', port: 8_080 };

const Auth = z.strictObject({
  tokensFile: AbsolutePath.optional(),
  /** Whether `/metrics` asks for a token as everything else does. */
  metrics: z.enum(['token', 'open']).default('token'),
});

const whole = (least: number, most: number) => z.number().int().min(least).max(most).optional();

/** What isn't given is as the API has it. */
const Limits = z.strictObject({
  /** Of a request. */
  bodyBytes: whole(1_024, 64 * 2 ** 20),
  /** Of one caller. */
  requestsPerMinute: whole(1, 1_000_000),
  /** Without a good token, from one address. */
  failuresPerMinute: whole(1, 1_000_000),
  /** Event streams at once. */
  streams: whole(1, 1_000_000),
  /** How long a signed link is good for; S3 signs for a week at most. */
  linkSeconds: whole(60, 7 * 86_400),
  /** Of the indexes of archives that are browsed, in the spool folder. */
  indexCacheBytes: whole(2 ** 20, 2 ** 44),
  /** Files and selections that are read out of archives at once. */
  fileReads: whole(1, 10_000),
  /** Of a selection as a zip. */
  zipEntries: whole(1, 10_000_000),
});

/** Volumes that the server itself reads when they're downloaded. */
const Live = z.strictObject({
  /** A folder for plans, which is this server's own. */
  folder: AbsolutePath.optional(),
  /** What plans may take there. */
  bytes: whole(2 ** 20, Number.MAX_SAFE_INTEGER),
  /** How long a plan is good for new downloads. */
  fresh: Duration.optional(),
  /** How long a download can be resumed. */
  keep: Duration.optional(),
  /** In a cluster: how long a claim's server waits for the next download. */
  idle: Duration.optional(),
  /** Downloads at once. */
  transfers: whole(1, 1_000),
});

function isNetwork(text: string): boolean {
  const [address, bits = '0', ...rest] = text.split('/');
  const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most;
}

/** Where others reach the server: what stands in links, and is the Origin of browsers' requests. */
const PublicUrl = z.string().superRefine((text, context) => {
  const url = URL.parse(text);
  const isWeb = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (!isWeb || url?.username || url?.search) context.addIssue('must be http://HOST or https://HOST');
});

const Network = z.string().refine(isNetwork, 'must be an address or a network');

const Kubernetes = z.strictObject({
  /** Only this namespace's exports are looked after; all namespaces' where none is named. */
  namespace: z.string().min(1).optional(),
  /** A Secret of the producer's own namespace; made with new keys where it isn't there. */
  secret: z.string().min(1).default('longshore-keys'),
  /** Service and pod ranges: tenants' endpoints there aren't contacted. */
  clusterNetworks: z.array(Network).default([]),
  /** Exceptions from all that isn't contacted: of an S3 server in the cluster, for example. */
  allowedNetworks: z.array(Network).default([]),
  /** How long a deleted export whose store can't be reached is kept. */
  releaseAfter: Duration.optional(),
});

const schemaFor = (environment: NodeJS.ProcessEnv) =>
  z.strictObject({
    listen: HostAndPort.default(DEFAULT_LISTEN),
    redis: RedisSection.optional(),
    volumes: z.record(ConfiguredName, VolumeSection).default({}),
    destinations: z.record(ConfiguredName, destinationSection(environment)).default({}),
    publicUrl: PublicUrl.optional(),
    /** Addresses, or networks such as 10.0.0.0/8, of proxies whose word on who asks is believed. */
    trustedProxies: z.array(Network).optional(),
    auth: Auth.default({ metrics: 'token' }),
    limits: Limits.default({}),
    live: Live.default({}),
    logLevel: z.enum(LOG_LEVELS).default('info'),
    /** A local folder for intermediate files. */
    spool: AbsolutePath.optional(),
    threads: z.number().int().min(1).max(1_024).optional(),
    /** How long a failed export keeps its work area, so that a retry goes on with it. */
    retainFailed: Duration.optional(),
    /** With it, exports are VolumeExports, and volumes and destinations are the namespaces' own. */
    kubernetes: Kubernetes.optional(),
  });

type Parsed = z.infer<ReturnType<typeof schemaFor>>;

/** What `serve` and `work` go by. */
export interface ServiceConfig {
  /** Where it's from; absent where there was no file. */
  file: string | undefined;
  listen: HostPort;
  redis: RedisAddress | undefined;
  volumes: ReadonlyMap<string, string>;
  destinations: ReadonlyMap<string, DestinationConfig>;
  publicUrl: string | undefined;
  trustedProxies: string[] | undefined;
  auth: Parsed['auth'];
  limits: Parsed['limits'];
  live: Parsed['live'];
  logLevel: LogLevel;
  spool: string | undefined;
  threads: number | undefined;
  retainFailedMs: number | undefined;
  kubernetes: Parsed['kubernetes'];
}

/** The file of `--config`, LONGSHORE_CONFIG, or the default one where it exists. */
export async function findConfigFile(named: string | undefined, config: Config): Promise<string | undefined> {
  const file = named ?? config.file;
  if (file !== undefined) return file;
  return stat(DEFAULT_FILE).then(
    () => DEFAULT_FILE,
    () => undefined,
  );
}

/** Reads the file, puts the environment's settings over it, and checks the whole: USAGE with every problem in it. */
export async function readServiceConfig(file: string | undefined, config: Config): Promise<ServiceConfig> {
  const said = file === undefined ? {} : parseText(await readText(file), file);
  const overrides = overlay(said ?? {}, config);
  const parsed = await schemaFor(config.environment).safeParseAsync(overrides.value, { error: words });
  const problems = parsed.success ? [] : problemsOf(parsed.error.issues);
  problems.push(...(await destinationsInVolumes(overrides.value)));
  if (parsed.success && problems.length === 0) return serviceOf(file, parsed.data);
  throw refusal(file ?? 'The configuration', overrides.sentence(problems));
}

function serviceOf(file: string | undefined, parsed: Parsed): ServiceConfig {
  const { volumes, destinations, retainFailed, ...rest } = parsed;
  const { redis, spool, threads, publicUrl, trustedProxies, kubernetes } = rest;
  return {
    file,
    ...rest,
    ...{ redis, spool, threads, publicUrl, trustedProxies, kubernetes },
    volumes: new Map(Object.entries(volumes)),
    destinations: new Map(Object.entries(destinations)),
    retainFailedMs: retainFailed,
  };
}

const Uri = z.union([z.string(), z.object({ uri: z.string() }).transform(({ uri }) => uri)]);

/** The places that a configuration names, as far as they can be made out. */
const Places = z
  .object({
    volumes: z.record(z.string(), VolumeSection.catch('')).catch({}),
    destinations: z.record(z.string(), Uri.catch('')).catch({}),
  })
  .catch({ volumes: {}, destinations: {} });

/**
 * An archive would contain itself, and the next export of the volume every archive before. Looked for also where
 * something else is wrong, so that it needn't be mended twice.
 */
async function destinationsInVolumes(said: Overrides['value']): Promise<Problem[]> {
  const { volumes, destinations } = await Places.parseAsync(said);
  const problems: Problem[] = [];
  for (const [name, uri] of Object.entries(destinations)) {
    if (!uri.startsWith('/')) continue;
    for (const [volume, path] of Object.entries(volumes))
      if (path && (await contains(path, uri)))
        problems.push({ path: ['destinations', name, 'uri'], message: `is inside of the volume ${volume}` });
  }
  return problems;
}
