import type { RedisAddress } from '@longshore/shared';
import { Redis, type RedisOptions } from 'ioredis';

/**
 * A worker outlives its Redis: commands wait for one that is away, for ever. BullMQ asks for the same. A worker that
 * leaves doesn't wait for one that is gone to close its connection.
 */
const PATIENT: RedisOptions = { maxRetriesPerRequest: null, disconnectTimeout: 100 };

export function connectRedis(address: RedisAddress): Redis {
  return typeof address === 'string' ? new Redis(address, PATIENT) : new Redis({ ...address, ...PATIENT });
}
