import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { LongshoreError } from '@longshore/shared';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { readBucket } from '../src/kubernetes/bucket-secret.ts';
import { type ClusterApi, clusterApi } from '../src/kubernetes/cluster-api.ts';
import { KubernetesRecordStore } from '../src/kubernetes/kubernetes-record-store.ts';
import { Reservations } from '../src/kubernetes/reservations.ts';
import { placesOf } from '../src/kubernetes/resource-record.ts';
import { API_VERSION, idOf, KIND, type VolumeExport } from '../src/kubernetes/volume-export.ts';
import { meetTrouble } from '../src/reconcile/trouble.ts';

const PLACES = placesOf({ volume: 'shop/photos', destination: 'shop/bucket' });
const logger = pino({ level: 'silent' });

describe("an API server that doesn't answer for now", () => {
  let answer: RequestListener;
  const server = createServer((request, response) => answer(request, response));
  let api: ClusterApi;

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    api = apiAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  for (const [status, said] of [
    [429, 'too many requests'],
    [500, 'etcdserver: leader changed'],
    [503, 'apiserver is shutting down'],
  ] as const)
    it(`is told in one sentence where it reads with ${status}`, async () => {
      answer = (_, response) => refuse(response, status, said);
      await assertAway(readBucket(PLACES, api), new RegExp(`with ${status} .*secrets/bucket.*: ${said}$`));
    });

  it('is told where a proxy answers in its place', async () => {
    answer = (_, response) =>
      response.writeHead(502, { 'x-secret': 'hidden' }).end('<html>Bad Gateway</html>');
    await assertAway(readBucket(PLACES, api), /with 502 \(GET [^ ]*secrets\/bucket\)$/);
  });

  it('is told where a connection breaks, before an answer or within it', async () => {
    answer = (_, response) => response.destroy();
    await assertAway(readBucket(PLACES, api), /can't be reached for now/);
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
      response.write('{', () => response.destroy());
    };
    await assertAway(readBucket(PLACES, api), /can't be reached for now/);
  });

  it('is told where nobody listens', async () => {
    await assertAway(readBucket(PLACES, apiAt('http://127.0.0.1:2')), /can't be reached .*ECONNREFUSED/);
  });

  it("isn't one that says what is wrong", async () => {
    answer = (_, response) => refuse(response, 404, 'secrets "bucket" not found');
    await assert.rejects(readBucket(PLACES, api), { code: 'SECRET_MISSING' });
  });

  it('fails no export: it waits, and goes on', async () => {
    const cluster = new OneExport();
    answer = cluster.answer;
    await using records = await KubernetesRecordStore.open({
      api,
      logger,
      namespace: 'shop',
      reservations: new Reservations(new Redis({ lazyConnect: true }), 'none:'),
    });
    const record = await records.get(idOf(cluster.resource));
    assert.ok(record);
    cluster.writes = 503;
    const error = await records.update({ ...record, phase: 'Packing' }).catch((refused: unknown) => refused);
    assert.ok(error instanceof LongshoreError && error.code === 'CLUSTER_AWAY', String(error));
    cluster.writes = 200;
    const since = new Date(0).toISOString();
    const waiting = { ...record, trouble: { since, tries: 1, code: 'CLUSTER_AWAY', message: '' } };
    await meetTrouble(waiting, {
      error,
      setting: { records, logger, placeOf: () => assert.fail('no place is asked for') },
    });
    assert.equal(cluster.resource.status?.phase, 'Pending');
    const progressing = cluster.resource.status?.conditions?.find(({ type }) => type === 'Progressing');
    assert.deepEqual([progressing?.reason, progressing?.message], ['ClusterAway', error.message]);
  });
});

function apiAt(server: string): ClusterApi {
  const config = new KubeConfig();
  // Plain HTTP is only allowed so.
  config.loadFromClusterAndUser({ name: 'small', server, skipTLSVerify: true }, { name: 'test' });
  return clusterApi(config);
}

/** As the API server refuses: with a Status. */
function refuse(response: ServerResponse, code: number, message: string): void {
  response.writeHead(code, { 'content-type': 'application/json', 'x-secret': 'hidden' });
  response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code, message }));
}

async function assertAway(asking: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(asking, (error) => {
    assert.ok(error instanceof LongshoreError, String(error));
    assert.equal(error.code, 'CLUSTER_AWAY');
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /hidden|\n/);
    return true;
  });
}

/** Lists one export, watches in silence, and answers writes with a status that can be chosen. */
class OneExport {
  writes = 200;
  resource: VolumeExport = {
    apiVersion: API_VERSION,
    kind: KIND,
    metadata: {
      ...{ name: 'photos', namespace: 'shop', uid: '01234567-89ab-cdef-0123-456789abcdef' },
      ...{ resourceVersion: '1', creationTimestamp: new Date().toISOString().replace(/\.\d+/, '') },
      finalizers: ['longshore.dev/export'],
    },
    spec: {
      source: { claim: 'photos', path: '/', consistency: 'Live' },
      destination: { secret: 'bucket', prefix: '' },
      ...{ format: 'tar.zst', exclude: [], onChange: 'record', workers: 1, suspend: false },
      pod: {
        ...{ readAll: false, resources: {}, nodeSelector: {}, tolerations: [] },
        ...{ priorityClassName: '', imagePullSecrets: [], securityContext: {} },
      },
    },
  };

  answer: RequestListener = async (request, response) => {
    if (request.method === 'PUT') {
      const sent = (await json(request)) as VolumeExport;
      if (this.writes !== 200) return refuse(response, this.writes, 'etcdserver: request timed out');
      this.resource = sent;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    if (request.url?.includes('watch=')) return response.flushHeaders();
    const list = { items: [this.resource], metadata: { resourceVersion: '1' } };
    response.end(JSON.stringify(request.method === 'GET' ? list : this.resource));
  };
}
