import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ExportStatus } from '@longshore/shared';
import { ApiCaller } from './api-caller.ts';
import { installation } from './fixture.ts';
import { BUCKET, SECRET } from './installation.ts';

const EXPORT_MS = 400_000;

describe('the API in a cluster', function () {
  this.timeout(2 * EXPORT_MS);
  const namespace = 'service';
  const callers = new Map<string, ApiCaller>();

  before(async () => {
    await installation().tenant(namespace);
    await installation().smallClaim(namespace);
    for (const [name, verbs] of [
      ['operator', 'create,list'],
      ['viewer', 'list'],
      ['nobody', ''],
    ])
      callers.set(name, await ApiCaller.make({ name, namespace }, verbs));
  });

  const ask = (account: string, ...call: Parameters<ApiCaller['ask']>) => callers.get(account)!.ask(...call);

  const request = { namespace, volume: 'small', destination: SECRET, name: 'by-request' };

  it('lets in whom the cluster knows, to what they may do with VolumeExports', async () => {
    assert.equal((await ask('nobody', 'GET', '/v1/exports')).status, 401);
    assert.equal((await ask('viewer', 'GET', '/v1/exports')).status, 200);
    assert.equal((await ask('viewer', 'POST', '/v1/exports', request)).status, 403);
  });

  it('makes a VolumeExport, which is exported and deleted with its archive', async () => {
    const created = await ask('operator', 'POST', '/v1/exports', { ...request, workers: 2 });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    const { id } = ExportStatus.parse(created.body);
    const which = { name: 'by-request', namespace };
    const scaled = await ask('operator', 'PATCH', `/v1/exports/${id}`, { workers: 3 });
    assert.equal(scaled.status, 200, JSON.stringify(scaled.body));
    assert.equal(ExportStatus.parse(scaled.body).workers, 3);
    const { spec } = await installation().untilPhase(which, 'Completed', EXPORT_MS);
    assert.deepEqual([spec.source.claim, spec.workers], ['small', 3]);
    const late = await ask('operator', 'PATCH', `/v1/exports/${id}`, { workers: 4 });
    assert.equal(late.status, 409, JSON.stringify(late.body));
    const { body } = await ask('viewer', 'GET', `/v1/exports/${id}`);
    const { phase, volume, result } = ExportStatus.parse(body);
    assert.deepEqual(
      [phase, volume, result?.archive.key],
      ['Completed', 'service/small', 'by-request.tar.zst'],
    );
    const links = await ask('viewer', 'GET', `/v1/exports/${id}/links`);
    assert.equal(links.status, 200, JSON.stringify(links.body));
    await installation().untilFreed(which);
    const archive = join(installation().s3.dir, BUCKET, 'by-request.tar.zst');
    assert.ok(existsSync(archive));
    const deleted = await ask('operator', 'DELETE', `/v1/exports/${id}`);
    assert.ok(deleted.status < 300, JSON.stringify(deleted.body));
    await installation().untilGone(which, 240_000);
    assert.ok(!existsSync(archive));
  });

  it('refuses what admission refuses, and says why', async () => {
    const { status, body } = await ask('operator', 'POST', '/v1/exports', {
      ...request,
      namespace: undefined,
    });
    assert.equal(status, 400);
    assert.match(JSON.stringify(body), /has a namespace/);
  });
});
