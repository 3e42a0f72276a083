import type { V1ObjectMeta } from '@kubernetes/client-node';
import type { VolumeExportSpec, VolumeExportStatus } from '@longshore/shared';

/** How the API server calls the resource. */
export const RESOURCE = { group: 'longshore.dev', version: 'v1alpha1', plural: 'volumeexports' } as const;
export const KIND = 'VolumeExport';
export const API_VERSION = `${RESOURCE.group}/${RESOURCE.version}`;

/** Holds the resource until upload and work area are gone from the store. */
export const FINALIZER = 'longshore.dev/export';

/** Wishes that have no field in the spec. Any value counts. */
export const ANNOTATION = {
  cancel: 'longshore.dev/cancel',
  /** Of a resource that is being deleted: take the archive with it. */
  deleteArchive: 'longshore.dev/delete-archive',
  retry: 'longshore.dev/retry',
  /** When a request over HTTP came. */
  requested: 'longshore.dev/requested',
  /** Which one, where it had a key to be repeated with. */
  request: 'longshore.dev/request',
} as const;

/** On everything that belongs to an export: its id. */
export const EXPORT_LABEL = 'longshore.dev/export-id';

/** As the API server gives it: times are texts. */
export interface Metadata extends Omit<V1ObjectMeta, 'creationTimestamp' | 'deletionTimestamp'> {
  creationTimestamp?: string;
  deletionTimestamp?: string;
}

export interface VolumeExport {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
  spec: VolumeExportSpec;
  status?: VolumeExportStatus;
}

/** A resource's uid as an id that is safe in job ids, keys and names. */
export const idOf = ({ metadata }: Pick<VolumeExport, 'metadata'>) => `x${metadata.uid?.replaceAll('-', '')}`;

export const labelsOf = (id: string, name: string) => ({
  'app.kubernetes.io/name': 'longshore',
  'app.kubernetes.io/component': 'worker',
  'app.kubernetes.io/managed-by': 'longshore',
  'longshore.dev/export': name,
  [EXPORT_LABEL]: id,
});
