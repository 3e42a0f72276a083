import assert from 'node:assert/strict';
import { exportKeys, parseCounters } from '@longshore/shared';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { countPacked, countRetry } from '../src/progress.ts';

const LARGE = 45_237_560_934_400;

describe('an export’s progress', () => {
  let server: RedisServer;
  let redis: Redis;
  const export_ = { queue: 'queue', exportId: 'x0123456789' };
  const keys = exportKeys(export_.queue, export_.exportId);

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.socket);
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
    await redis.hset(keys.finalize, { name: 'finalize' });
  });

  const count = (item: number, { tape = 100, bytes = 10, packs = 1 as 0 | 1 } = {}) =>
    countPacked({ item, start: 5, end: 5 + tape, bytes }, { redis, ...export_, packs });
  const counted = async () => parseCounters(await redis.hgetall(keys.counters));

  it('has each item once, however often it is told', async () => {
    assert.deepEqual([await count(4), await count(4), await count(0)], [10, 10, 20]);
    const { doneItems, doneTapeBytes, archiveBytes } = await counted();
    assert.deepEqual([doneItems, doneTapeBytes, archiveBytes], [2, 200, 20]);
    assert.equal(await redis.bitcount(keys.done), 2);
  });

  it('tells how often items were packed, beside how many are', async () => {
    for (const packs of [1, 1, 0] as const) await count(3, { packs });
    const { doneItems, packs } = await counted();
    assert.deepEqual([doneItems, packs], [1, 2]);
  });

  it('is right when many workers tell at once', async () => {
    await Promise.all(Array.from({ length: 300 }, (_, n) => count(n % 100)));
    assert.equal((await counted()).doneItems, 100);
  });

  it('has numbers that 32 bits don’t hold', async () => {
    assert.equal(await count(1, { tape: LARGE, bytes: LARGE }), LARGE);
    assert.equal((await counted()).doneTapeBytes, LARGE);
  });

  it('takes little memory for the last item there is', async () => {
    await count(9_998);
    assert.ok(((await redis.memory('USAGE', keys.done)) ?? 0) < 4_096);
  });

  it('counts attempts that are made again', async () => {
    await countRetry({ redis, ...export_ });
    await countRetry({ redis, ...export_ });
    assert.equal((await counted()).retries, 2);
  });

  it('takes nothing from a worker that comes after the export is forgotten', async () => {
    await redis.del(keys.finalize);
    assert.equal(await count(1), 0);
    await countRetry({ redis, ...export_ });
    assert.deepEqual(await redis.keys('*'), []);
  });
});
