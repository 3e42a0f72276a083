import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { parseCounters } from '@longshore/shared';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { clusterApi } from '../../packages/producer/src/kubernetes/cluster-api.ts';
import {
  KubernetesRecordStore,
  PROGRESS_MS,
} from '../../packages/producer/src/kubernetes/kubernetes-record-store.ts';
import { Reservations } from '../../packages/producer/src/kubernetes/reservations.ts';
import { describeRecordStore, recordWith } from '../../packages/producer/src/records/contract.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { installation } from './fixture.ts';

describe('records in a cluster', function () {
  this.timeout(300_000);
  let server: RedisServer;
  let redis: Redis;
  let round = 0;
  const open: KubernetesRecordStore[] = [];

  const namespace = (which: string) => `records-${round}-${which}`;
  const place = (which: string, claim: string) => ({
    volume: `${namespace(which)}/${claim}`,
    destination: `${namespace(which)}/archive`,
  });

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.socket, { maxRetriesPerRequest: null });
    // Nobody but the tests is to change these records.
    await installation().pauseProducers();
  });
  afterEach(async () => {
    for (const store of open.splice(0)) await store[Symbol.asyncDispose]();
  });
  after(async () => {
    redis.disconnect();
    await server.stop();
    await installation().resumeProducers();
  });

  async function openStore(): Promise<KubernetesRecordStore> {
    round++;
    for (const which of ['own', 'other']) await installation().namespace(namespace(which));
    const config = new KubeConfig();
    config.loadFromFile(installation().cluster.kubeconfig);
    const store = await KubernetesRecordStore.open({
      api: clusterApi(config),
      reservations: new Reservations(redis, `records:${round}:`),
      logger: pino({ level: 'silent' }),
      namespace: namespace('own'),
    });
    open.push(store);
    return store;
  }

  it('ask nothing of the API server where the progress is what it shows', async () => {
    const store = await openStore();
    const record = recordWith();
    const made = { ...record, request: { ...record.request, ...place('own', 'photos') } };
    const created = (await store.create(made)).record;
    const counters = parseCounters({ items: '2', doneItems: '1', tapeBytes: '2048', doneTapeBytes: '1024' });
    for (let time = 0; time < 2; time++) {
      await store.noteProgress(created, counters);
      await delay(PROGRESS_MS);
    }
    const log = await installation().cluster.auditLog();
    const writes = log.filter(
      ({ objectRef, verb, stage }) =>
        objectRef?.name === made.request.name && verb === 'update' && stage === 'RequestReceived',
    );
    assert.equal(writes.length, 1);
  });

  describeRecordStore('the store in custom resources', openStore, {
    identity: 'made',
    places: () => ({
      photos: place('own', 'photos'),
      music: place('own', 'music'),
      elsewhere: place('other', 'photos'),
    }),
  });
});
