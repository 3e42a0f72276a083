import assert from 'node:assert/strict';
import { VolumeExportSpec } from '@longshore/shared';
import { recordOf, specOf } from '../src/kubernetes/resource-record.ts';
import { API_VERSION, KIND } from '../src/kubernetes/volume-export.ts';
import { recordWith } from '../src/records/contract.ts';
import type { ExportRecord } from '../src/records/record.ts';

const record = recordWith();
const PHOTOS = { ...record.request, volume: 'shop/photos', destination: 'shop/bucket' };

type Request = ExportRecord['request'];

/** As the API server gives it back. */
function stored(request: Request) {
  const creationTimestamp = new Date().toISOString();
  const uid = '0b0f4a0e-5d3f-4f5c-9d0c-0c9b9b8a1f1e';
  const metadata = { name: request.name, namespace: 'shop', uid, creationTimestamp };
  const spec: VolumeExportSpec = JSON.parse(JSON.stringify(specOf({ ...record, request })));
  return { apiVersion: API_VERSION, kind: KIND, metadata, spec };
}

describe('the resource of a request', () => {
  const REQUESTS: Record<string, Request> = {
    'the claim itself': PHOTOS,
    'a folder of it': { ...PHOTOS, volume: 'shop/photos/2026/may', destination: 'shop/bucket/photos' },
    'a snapshot': { ...PHOTOS, consistency: 'Snapshot' },
    'a snapshot of a class': { ...PHOTOS, consistency: 'Snapshot', snapshotClass: 'fast' },
    'a clone': { ...PHOTOS, consistency: 'Clone' },
  };
  for (const [what, request] of Object.entries(REQUESTS))
    it(`asks for the same: ${what}`, () => {
      const resource = stored(request);
      assert.deepEqual(VolumeExportSpec.parse(resource.spec), resource.spec);
      assert.deepEqual(recordOf(resource).request, request);
    });

  it('names the class where the custom resource has it', () => {
    const { source } = stored({ ...PHOTOS, consistency: 'Snapshot', snapshotClass: 'fast' }).spec;
    assert.deepEqual(source, {
      claim: 'photos',
      path: '/',
      consistency: 'Snapshot',
      snapshotClass: 'fast',
    });
  });

  it('is of the claim itself, by one worker, where the request says neither', () => {
    const { workers: _workers, consistency: _consistency, ...request } = PHOTOS;
    const { source, workers } = stored(request).spec;
    assert.deepEqual([source.consistency, workers], ['Live', 1]);
  });
});
