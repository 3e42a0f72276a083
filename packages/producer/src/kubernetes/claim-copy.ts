import type { V1ObjectMeta, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { bytesOf } from './quantity.ts';
import { EXPORT_LABEL, idOf, labelsOf, type Metadata, type VolumeExport } from './volume-export.ts';
import { ownerOf, workersName } from './worker-job.ts';

/** How the API server calls snapshots of claims. */
export const SNAPSHOTS = {
  group: 'snapshot.storage.k8s.io',
  version: 'v1',
  plural: 'volumesnapshots',
} as const;

/** What of a VolumeSnapshot is looked at; times are texts. */
export interface VolumeSnapshot {
  apiVersion: string;
  kind: 'VolumeSnapshot';
  metadata: Metadata;
  spec: { volumeSnapshotClassName?: string; source: { persistentVolumeClaimName?: string } };
  status?: { readyToUse?: boolean; restoreSize?: string; error?: { message?: string } };
}

/** A copy and its snapshot are called as the export's Job is, which is unique in the namespace. */
export const copyName = workersName;

function metadataOf(resource: VolumeExport) {
  const { name = '', namespace = '' } = resource.metadata;
  const labels = { ...labelsOf(idOf(resource), name), 'app.kubernetes.io/component': 'source' };
  return { name: copyName(resource), namespace, labels, ownerReferences: [ownerOf(resource)] };
}

/** Whether the export made it: somebody may have made another thing with this name. */
export function isMadeFor(
  resource: VolumeExport,
  metadata: Pick<V1ObjectMeta, 'labels' | 'ownerReferences'>,
) {
  const isOwned = metadata.ownerReferences?.some(({ uid }) => uid === resource.metadata.uid) ?? false;
  return isOwned && metadata.labels?.[EXPORT_LABEL] === idOf(resource);
}

export function snapshotOf(resource: VolumeExport): VolumeSnapshot {
  const { claim, snapshotClass } = resource.spec.source;
  return {
    apiVersion: `${SNAPSHOTS.group}/${SNAPSHOTS.version}`,
    kind: 'VolumeSnapshot',
    metadata: metadataOf(resource),
    spec: {
      ...(snapshotClass !== undefined && { volumeSnapshotClassName: snapshotClass }),
      source: { persistentVolumeClaimName: claim },
    },
  };
}

export interface CopyOptions {
  /** The claim that is exported. */
  source: V1PersistentVolumeClaim;
  /** Where the copy is made of a snapshot. */
  snapshot?: VolumeSnapshot;
}

/** The claim that is filled with a snapshot's content, or with that of the claim itself. */
export function copyOf(resource: VolumeExport, { source, snapshot }: CopyOptions): V1PersistentVolumeClaim {
  const { storageClassName, volumeMode } = source.spec ?? {};
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: metadataOf(resource),
    spec: {
      accessModes: modesOf(source),
      ...(storageClassName !== undefined && { storageClassName }),
      ...(volumeMode !== undefined && { volumeMode }),
      resources: { requests: { storage: sizeOf(source, snapshot) } },
      dataSource: snapshot
        ? { apiGroup: SNAPSHOTS.group, kind: 'VolumeSnapshot', name: snapshot.metadata.name ?? '' }
        : { kind: 'PersistentVolumeClaim', name: source.metadata?.name ?? '' },
    },
  };
}

/**
 * As the source's, which its driver is known to have; pods mount it read-only all the same. Nobody but the workers
 * has the copy, so it needn't be for one pod alone.
 */
function modesOf({ spec }: V1PersistentVolumeClaim): string[] {
  const modes = (spec?.accessModes ?? []).map((mode) =>
    mode === 'ReadWriteOncePod' ? 'ReadWriteOnce' : mode,
  );
  return [...new Set(modes)];
}

/** A copy that is smaller than its source is refused (CSI, CreateVolume). */
function sizeOf({ spec, status }: V1PersistentVolumeClaim, snapshot?: VolumeSnapshot): string {
  const sizes = [
    spec?.resources?.requests?.storage,
    status?.capacity?.storage,
    snapshot?.status?.restoreSize,
  ].filter((size) => size !== undefined);
  const [largest = '1Gi'] = sizes.sort((a, b) => bytesOf(b) - bytesOf(a));
  return largest;
}
