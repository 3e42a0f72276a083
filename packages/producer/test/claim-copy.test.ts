import assert from 'node:assert/strict';
import type { V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { VolumeExportSpec } from '@longshore/shared';
import { copyOf, isMadeFor, snapshotOf } from '../src/kubernetes/claim-copy.ts';
import { bytesOf } from '../src/kubernetes/quantity.ts';
import type { VolumeExport } from '../src/kubernetes/volume-export.ts';

const RESOURCE: VolumeExport = {
  apiVersion: 'longshore.dev/v1alpha1',
  kind: 'VolumeExport',
  metadata: { name: 'photos', namespace: 'shop', uid: '0b0f4a0e-5d3f-4f5c-9d0c-0c9b9b8a1f1e' },
  spec: VolumeExportSpec.parse({
    source: { claim: 'photos', consistency: 'Snapshot' },
    destination: { secret: 'bucket' },
  }),
};

function claim(mode: string, capacity?: string): V1PersistentVolumeClaim {
  return {
    metadata: { name: 'photos' },
    spec: { accessModes: [mode], storageClassName: 'fast', resources: { requests: { storage: '900Mi' } } },
    ...(capacity !== undefined && { status: { capacity: { storage: capacity } } }),
  };
}

describe('a copy of a claim', () => {
  it('is as large as the largest of what was asked for, what there is, and what the snapshot needs', () => {
    const sizeOf = (capacity?: string, restoreSize?: string) => {
      const snapshot = { ...snapshotOf(RESOURCE), status: { restoreSize } };
      return copyOf(RESOURCE, { source: claim('ReadWriteMany', capacity), snapshot }).spec?.resources
        ?.requests;
    };
    assert.deepEqual(sizeOf(), { storage: '900Mi' });
    assert.deepEqual(sizeOf('1Gi', '0'), { storage: '1Gi' });
    assert.deepEqual(sizeOf('1Gi', '1100M'), { storage: '1100M' });
  });

  it('has the access modes of its source, but is never for one pod alone', () => {
    const modesOf = (mode: string) => copyOf(RESOURCE, { source: claim(mode) }).spec?.accessModes;
    assert.deepEqual(modesOf('ReadWriteMany'), ['ReadWriteMany']);
    assert.deepEqual(modesOf('ReadWriteOncePod'), ['ReadWriteOnce']);
  });

  it("is known by its owner: another thing with its name isn't one", () => {
    const { metadata = {} } = copyOf(RESOURCE, { source: claim('ReadWriteMany') });
    assert.ok(isMadeFor(RESOURCE, metadata));
    assert.ok(!isMadeFor(RESOURCE, { ...metadata, ownerReferences: [] }));
    assert.ok(!isMadeFor(RESOURCE, { ...metadata, labels: {} }));
  });
});

describe('a quantity', () => {
  it('is bytes', () => {
    assert.deepEqual(['1Ki', '1k', '1.5Gi', '1e3', '7'].map(bytesOf), [
      1_024,
      1_000,
      1.5 * 2 ** 30,
      1_000,
      7,
    ]);
    assert.ok(Number.isNaN(bytesOf('much')));
  });
});
