import { cpus, tmpdir } from 'node:os';
import { z } from 'zod';
import { CliError } from './error.ts';

const NAMED_ADDRESSES = 'must be a JSON object of names and addresses, such as {"data":"/data"}';
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

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

const Environment = z.object({
  /** `1`: stack traces and every log line. */
  LONGSHORE_DEBUG: z.enum(['0', '1'], 'must be 0 or 1').default('0'),
  /** As `--redis`; keeps a password out of the process list. */
  LONGSHORE_REDIS_URL: z.string().min(1, 'must not be empty').optional(),
  /** As `--volume` and `--destination`: `{"NAME": "ADDRESS"}`. */
  LONGSHORE_VOLUMES: NamedAddresses.default({}),
  LONGSHORE_DESTINATIONS: NamedAddresses.default({}),
  LONGSHORE_LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
});

export interface Config {
  debug: boolean;
  redis: string | undefined;
  volumes: Record<string, string>;
  destinations: Record<string, string>;
  logLevel: string;
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
    redis: data.LONGSHORE_REDIS_URL,
    volumes: data.LONGSHORE_VOLUMES,
    destinations: data.LONGSHORE_DESTINATIONS,
    logLevel: data.LONGSHORE_LOG_LEVEL,
    cores: cpus().length,
    temp: tmpdir(),
    environment,
  };
}

/** This process's configuration. */
export function processConfig(): Config {
  return readConfig(process.env);
}
