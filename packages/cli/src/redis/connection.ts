import { PREFIX, QUEUE, type RedisAddress } from '@longshore/shared';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { connectRedis } from './connect.ts';

/** A Redis and the queue in it; one that is away is waited for, for ever. */
export class RedisConnection implements AsyncDisposable {
  readonly redis: Redis;
  readonly queue: Queue;

  constructor(address: RedisAddress, queue = QUEUE) {
    this.redis = connectRedis(address, { maxRetriesPerRequest: null, retryStrategy: () => 100 });
    // A Redis that is away for a moment is waited for; `follow` can be interrupted meanwhile.
    this.redis.on('error', () => undefined);
    this.queue = new Queue(queue, { connection: this.redis, prefix: PREFIX });
    this.queue.on('error', () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Closing a queue waits for its connection.
    if (this.redis.status === 'ready') await this.queue.close();
    this.redis.disconnect();
  }
}
