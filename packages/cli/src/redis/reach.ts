import { Redis } from 'ioredis';
import { CliError } from '../error.ts';
import { checkRedisAddress, shownRedis } from './address.ts';

/** For the connection, and again for its first answer. */
const PATIENCE_MS = 8_000;

/** What Redis answers to a user, a password or a database that it doesn't have (`-WRONGPASS …`). */
const REFUSALS: readonly { found: RegExp; advice: string }[] = [
  {
    found: /^(NOAUTH|WRONGPASS|ERR AUTH|ERR invalid password)/,
    advice: 'check the user and the password in its URL',
  },
  { found: /^NOPERM/, advice: 'allow its user every command, and the keys that begin with bull:' },
  { found: /DB index/, advice: "check the database's number in its URL" },
];

/** Asks a Redis once whether it can be used: USAGE, REDIS_REFUSED or REDIS_UNREACHABLE where it can't. */
export async function reachRedis(address: string): Promise<void> {
  checkRedisAddress(address);
  const client = new Redis(address, {
    lazyConnect: true,
    // A refusal is to come at once; only an export that has begun waits for its Redis.
    retryStrategy: () => null,
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
    throw unusable(address, said ?? error);
  } finally {
    client.disconnect();
  }
}

function unusable(address: string, cause: unknown): CliError {
  const shown = shownRedis(address);
  // The first sentence: Redis explains at length.
  const said = (cause instanceof Error ? cause.message : String(cause)).split(/[,\n]/)[0];
  const refusal = REFUSALS.find(({ found }) => found.test(said));
  const code = refusal ? 'REDIS_REFUSED' : 'REDIS_UNREACHABLE';
  const advice = refusal?.advice ?? 'check that it runs there, or leave --redis out to use a private one';
  return new CliError(code, `The Redis at ${shown} can't be used: ${advice} (${said}).`, { cause });
}
