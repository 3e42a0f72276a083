import type { RedisAddress } from '@longshore/shared';
import { CliError } from '../error.ts';
import { tlsFault } from '../tls-faults.ts';
import { checkRedisAddress, shownRedis } from './address.ts';
import { connectRedis } from './connect.ts';

/** For the connection, and again for its first answer. */
const PATIENCE_MS = 8_000;

/** What Redis answers to a user, a password or a database that it doesn't have (`-WRONGPASS …`). */
const REFUSALS: readonly { found: RegExp; advice: string }[] = [
  {
    found: /^(NOAUTH|WRONGPASS|ERR AUTH|ERR invalid password)/,
    advice: 'check the user and the password',
  },
  { found: /^NOPERM/, advice: 'allow its user every command, and the keys that begin with bull:' },
  { found: /DB index/, advice: "check the database's number" },
];

/** What to do about a Redis that doesn't answer, where another one could be used. */
const OR_PRIVATE = 'check that it runs there, or leave --redis out to use a private one';

/** Asks a Redis once whether it can be used: USAGE, REDIS_REFUSED or REDIS_UNREACHABLE where it can't. */
export async function reachRedis(address: RedisAddress, absent = OR_PRIVATE): Promise<void> {
  checkRedisAddress(address);
  const client = connectRedis(address, {
    lazyConnect: true,
    // A refusal is to come at once; only an export that has begun waits for its Redis.
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
  });
  // What `connect` rejects with says only that there is no connection.
  let said: Error | undefined;
  client.on('error', (error: Error) => {
    said ??= error;
  });
  try {
    await client.connect();
    await client.ping();
    if (said) throw said;
  } catch (error) {
    throw unusable(address, { cause: said ?? error, absent });
  } finally {
    client.disconnect();
  }
}

interface Refused {
  cause: unknown;
  /** What to do where it isn't there. */
  absent: string;
}

function unusable(address: RedisAddress, { cause, absent }: Refused): CliError {
  const shown = shownRedis(address);
  const tls = tlsFault(cause);
  if (tls) return new CliError('REDIS_REFUSED', `The Redis at ${shown} can't be used: ${tls}.`, { cause });
  // The first sentence: Redis explains at length.
  const said = (cause instanceof Error ? cause.message : String(cause)).split(/[,\n]/)[0];
  const refusal = REFUSALS.find(({ found }) => found.test(said));
  const code = refusal ? 'REDIS_REFUSED' : 'REDIS_UNREACHABLE';
  const advice = refusal?.advice ?? absent;
  return new CliError(code, `The Redis at ${shown} can't be used: ${advice} (${said}).`, { cause });
}
