import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { describeRecordStore } from '../src/records/contract.ts';
import { RedisRecordStore } from '../src/records/redis-record-store.ts';

describe('records', () => {
  let server: RedisServer;
  let redis: Redis;

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
  });

  describeRecordStore('the store in Redis', async () => {
    await redis.flushall();
    return new RedisRecordStore({ redis, queue: 'exports' });
  });
});
