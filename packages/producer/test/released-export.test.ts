import assert from 'node:assert/strict';
import { PREFIX, type RedisAddress } from '@longshore/shared';
import { thisBuild } from '@longshore/tape';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { type RedisServer, startRedis } from '../../../test/harness/redis.ts';
import { ProducerError } from '../src/error.ts';
import { ExportQueues } from '../src/kubernetes/export-queues.ts';
import { queueOf, RedisUsers } from '../src/kubernetes/redis-users.ts';
import type { Place, ReconcileSetting } from '../src/reconcile/parts.ts';
import { reconcile } from '../src/reconcile/reconcile.ts';
import { recordWith } from '../src/records/contract.ts';
import type { ExportRecord } from '../src/records/record.ts';
import { RedisRecordStore } from '../src/records/redis-record-store.ts';

const logger = pino({ level: 'silent' });

const connect = (address: RedisAddress) => new Redis(String(address), { maxRetriesPerRequest: null });

describe("a deleted export whose store can't be reached for too long", () => {
  let server: RedisServer;
  let redis: Redis;
  let users: RedisUsers;
  let queues: ExportQueues;
  let records: RedisRecordStore;

  beforeEach(async () => {
    server = await startRedis({ address: '127.0.0.1' });
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    users = new RedisUsers({ redis, key: 'key', logger });
    queues = new ExportQueues({ redis: server.tcp!, users, connect });
    records = new RedisRecordStore({ redis, queue: 'exports' });
  });
  afterEach(async () => {
    await queues[Symbol.asyncDispose]();
    redis.disconnect();
    await server.stop();
  });

  const setting = (placeOf: ReconcileSetting['placeOf']): ReconcileSetting => ({
    ...{ records, placeOf, logger, retainFailedMs: 0, releaseMs: 60_000 },
    build: thisBuild('1'),
    signal: new AbortController().signal,
  });

  async function placeOf({ id }: ExportRecord): Promise<Place> {
    const nothing = async () => undefined;
    const store = () =>
      Promise.reject(new ProducerError('SECRET_MISSING', 'The Secret shop/bucket is not there.'));
    const dismiss = async () => {
      await queues.close(id);
      await users.remove(id);
    };
    return { ...(await queues.get(id)), store, workers: { call: nothing, rest: nothing, dismiss } };
  }

  async function deleted(): Promise<ExportRecord> {
    const since = new Date(Date.now() - 120_000).toISOString();
    const trouble = { since, tries: 9, code: 'SECRET_MISSING', message: 'The Secret is not there.' };
    const { record } = await records.create(
      recordWith({
        id: `x${'3'.repeat(32)}`,
        wish: 'forget',
        run: { id: 'x3', foreignUploads: [], ordered: true },
        trouble,
      }),
    );
    return record;
  }

  it('is let go with its user and its keys in Redis', async () => {
    const { id } = await deleted();
    await users.ensure(id);
    await redis.set(`${PREFIX}:${queueOf(id)}:left`, '1');
    await reconcile(id, setting(placeOf));
    assert.equal(await records.get(id), undefined);
    assert.deepEqual(await redis.keys(`${PREFIX}:${queueOf(id)}:*`), []);
    assert.ok(!(await redis.acl('USERS')).includes(queueOf(id)));
  });

  it("is let go even where its workers can't be dismissed", async () => {
    const { id } = await deleted();
    await reconcile(
      id,
      setting(() => Promise.reject(new ProducerError('CLUSTER_REFUSED', 'The API server refuses.'))),
    );
    assert.equal(await records.get(id), undefined);
  });
});
