import type { RedisAddress } from '@longshore/shared';
import type { Logger } from 'pino';
import { CliError } from '../error.ts';
import { reachRedis } from '../redis/reach.ts';

/**
 * A service waits for a Redis that isn't there yet, and says so. One that refuses its password or has no trusted
 * certificate is waited for in vain: REDIS_REFUSED.
 */
export async function expectNoRefusal(redis: RedisAddress, logger: Logger): Promise<void> {
  try {
    await reachRedis(redis, 'check that it runs there; waiting for it');
  } catch (error) {
    if (!(error instanceof CliError) || error.code !== 'REDIS_UNREACHABLE') throw error;
    logger.warn({ code: error.code }, error.message);
  }
}
