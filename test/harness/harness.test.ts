import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { startRedis } from './redis.ts';
import { startS3 } from './versitygw.ts';

describe('the test harness', () => {
  it('starts a Redis that keeps its data over SIGKILL, and leaves nothing', async () => {
    const redis = await startRedis();
    const client = new Redis(redis.url, { lazyConnect: true });
    await client.set('key', 'value');
    client.disconnect();
    await redis.kill();
    await redis.restart();
    const again = new Redis(redis.url, { lazyConnect: true });
    assert.equal((await again.config('GET', 'maxmemory-policy')).toString(), 'maxmemory-policy,noeviction');
    assert.equal(await again.get('key'), 'value');
    again.disconnect();
    await redis.stop();
    await assert.rejects(access(redis.dir));
  });

  it('starts an S3 server that comes back on its port, and leaves nothing', async () => {
    await using s3 = await startS3();
    await s3.bucket('first');
    await s3.kill();
    await assert.rejects(fetch(s3.endpoint));
    await s3.restart();
    assert.equal((await fetch(`${s3.endpoint}/first`)).status, 403);
    await s3.stop();
    await assert.rejects(access(s3.dir));
  });
});
