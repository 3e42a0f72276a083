import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PREFIX, type RedisAddress } from '@longshore/shared';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { ExportQueues } from '../src/kubernetes/export-queues.ts';
import { queueOf, RedisUsers } from '../src/kubernetes/redis-users.ts';

const logger = pino({ level: 'silent' });
const ID = `x${'1'.repeat(32)}`;

const connect = (address: RedisAddress) => new Redis(String(address), { maxRetriesPerRequest: null });

describe("exports' queues in Redis", () => {
  let server: RedisServer;
  let redis: Redis;
  let users: RedisUsers;
  let queues: ExportQueues;

  before(async () => {
    server = await startRedis({ address: '127.0.0.1' });
    redis = new Redis(server.socket);
    users = new RedisUsers({ redis, key: 'key', logger });
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(async () => {
    await redis.flushall();
    queues = new ExportQueues({ redis: server.tcp!, users, connect });
  });
  afterEach(() => queues[Symbol.asyncDispose]());

  const waiting = async (id: string) => (await queues.get(id)).queue.getWaitingCount();

  it('are opened as a user that is made for them, and stay open', async () => {
    assert.equal(await waiting(ID), 0);
    const { redis: first } = await queues.get(ID);
    assert.equal((await queues.get(ID)).redis, first);
    assert.equal(await first.call('ACL', 'WHOAMI').catch((error) => error.message.slice(0, 6)), 'NOPERM');
  });

  it('are closed when another producer took the user away, and opened with a new one', async () => {
    await waiting(ID);
    const { redis: refused } = await queues.get(ID);
    // Not `once`: it rejects at the error that goes before.
    const closed = new Promise((resolve) => void refused.on('end', resolve));
    await users.remove(ID);
    await closed;
    assert.equal(refused.status, 'end');
    assert.equal(await waiting(ID), 0);
    assert.notEqual((await queues.get(ID)).redis, refused);
  });

  it('are closed once nobody has asked for them, sooner where the export is over', async () => {
    const other = `x${'2'.repeat(32)}`;
    await Promise.all([waiting(ID), waiting(other)]);
    const [{ redis: over }, { redis: live }] = await Promise.all([queues.get(ID), queues.get(other)]);
    const ended = once(over, 'end');
    for (let looks = 0; looks < 2; looks++) await queues.tidy(new Set([other]));
    await ended;
    assert.equal(live.status, 'ready');
    const idle = once(live, 'end');
    for (let looks = 0; looks < 10; looks++) await queues.tidy(new Set([other]));
    await idle;
  });

  it('stay open while somebody asks for them', async () => {
    await waiting(ID);
    const { redis: used } = await queues.get(ID);
    for (let looks = 0; looks < 20; looks++) {
      await queues.get(ID);
      await queues.tidy(new Set());
    }
    assert.equal(used.status, 'ready');
  });

  describe('of exports that nobody has any more', () => {
    const key = `${PREFIX}:${queueOf(ID)}:left`;

    it('go with their user and keys at the second look', async () => {
      await waiting(ID);
      await redis.set(key, '1');
      await users.assert(new Set());
      assert.equal(await redis.exists(key), 1);
      await users.assert(new Set());
      assert.deepEqual(await redis.keys(`${PREFIX}:${queueOf(ID)}:*`), []);
      assert.ok(!(await redis.acl('USERS')).includes(queueOf(ID)));
    });

    it("don't go while the export is live", async () => {
      await users.ensure(ID);
      await redis.set(key, '1');
      for (let looks = 0; looks < 3; looks++) await users.assert(new Set([ID]));
      assert.equal(await redis.exists(key), 1);
      assert.ok((await redis.acl('USERS')).includes(queueOf(ID)));
    });
  });
});
