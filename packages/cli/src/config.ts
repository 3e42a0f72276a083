import { cpus, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { CliError } from './error.ts';

const NAMED_ADDRESSES = 'must be a JSON object of names and addresses, such as {"data":"/data"}';
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A JSON object of names and addresses, as text in one variable. */
const NamedAddresses = z
  .string()
  .transform((text, context) => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      context.addIssue(NAMED_ADDRESSES);
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string().min(1), z.string(NAMED_ADDRESSES).min(1, NAMED_ADDRESSES), NAMED_ADDRESSES));

const Text = z.string().min(1, 'must not be empty').optional();

const Environment = z.object({
  /** `1`: stack traces and every log line. */
  LONGSHORE_DEBUG: z.enum(['0', '1'], 'must be 0 or 1').default('0'),
  /** The configuration file of `serve` and `work`; as `--config`. */
  LONGSHORE_CONFIG: Text,
  // What follows goes before the configuration file's settings of the same name.
  LONGSHORE_LISTEN: Text,
  /** As `--redis`; keeps a password out of the process list. */
  LONGSHORE_REDIS_URL: Text,
  /** As `--volume` and `--destination`: `{"NAME": "ADDRESS"}`. */
  LONGSHORE_VOLUMES: NamedAddresses.default({}),
  LONGSHORE_DESTINATIONS: NamedAddresses.default({}),
  LONGSHORE_LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).optional(),
  // Of the commands that talk to a server.
  LONGSHORE_SERVER: Text,
  LONGSHORE_TOKEN: Text,
  LONGSHORE_TOKEN_FILE: Text,
  // Of a pod, from the downward API.
  LONGSHORE_POD: Text,
  LONGSHORE_POD_NAMESPACE: Text,
  XDG_CONFIG_HOME: z.string().optional(),
});

/** How the environment says to reach a server. */
export interface ClientEnvironment {
  server: string | undefined;
  token: string | undefined;
  tokenFile: string | undefined;
  /** The user's own configuration, which needn't be there. */
  file: string;
}

export interface Config {
  debug: boolean;
  /** As named by LONGSHORE_CONFIG. */
  file: string | undefined;
  listen: string | undefined;
  redis: string | undefined;
  volumes: Record<string, string>;
  destinations: Record<string, string>;
  logLevel: LogLevel | undefined;
  client: ClientEnvironment;
  /** The pod that this process is in, where its manifest says so. */
  pod: { name: string; namespace: string } | undefined;
  cores: number;
  temp: string;
  /** What child processes are started with. */
  environment: NodeJS.ProcessEnv;
}

/** Reads the environment; throws USAGE with every problem in it at once. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const problems = new Set(parsed.error.issues.map(({ path, message }) => `${String(path[0])} ${message}`));
    throw new CliError('USAGE', `The environment can't be used: ${[...problems].join('; ')}.`);
  }
  const { data } = parsed;
  return {
    debug: data.LONGSHORE_DEBUG === '1',
    file: data.LONGSHORE_CONFIG,
    listen: data.LONGSHORE_LISTEN,
    redis: data.LONGSHORE_REDIS_URL,
    volumes: data.LONGSHORE_VOLUMES,
    destinations: data.LONGSHORE_DESTINATIONS,
    logLevel: data.LONGSHORE_LOG_LEVEL,
    client: {
      server: data.LONGSHORE_SERVER,
      token: data.LONGSHORE_TOKEN,
      tokenFile: data.LONGSHORE_TOKEN_FILE,
      // An empty variable counts as none, says the XDG base directory specification.
      file: join(data.XDG_CONFIG_HOME || join(homedir(), '.config'), 'longshore', 'client.yaml'),
    },
    pod: podOf(data),
    cores: cpus().length,
    temp: tmpdir(),
    environment,
  };
}

function podOf(data: z.infer<typeof Environment>): Config['pod'] {
  const { LONGSHORE_POD: name, LONGSHORE_POD_NAMESPACE: namespace } = data;
  return name && namespace ? { name, namespace } : undefined;
}

/** This process's configuration. */
export function processConfig(): Config {
  return readConfig(process.env);
}
