import type { RedisAddress } from '@longshore/shared';
import { Redis, type RedisOptions } from 'ioredis';

/** Where a server is gone, ioredis waits so long for it to take its leave, and a command that was interrupted with it. */
const DISCONNECT_MS = 100;

/** A client for an address of either kind; ioredis takes a URL or settings, not both in one. */
export function connectRedis(address: RedisAddress, options: RedisOptions): Redis {
  const all = { disconnectTimeout: DISCONNECT_MS, ...options };
  return typeof address === 'string' ? new Redis(address, all) : new Redis({ ...address, ...all });
}
