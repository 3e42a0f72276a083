import {
  type Counters,
  LEVELS,
  parseCounters,
  type VolumeExportSpec,
  type VolumeExportStatus,
} from '@longshore/shared';
import { retry } from '../exports/wishes.ts';
import { ExportRecord, hasEnded, type Wish } from '../records/record.ts';
import { conditionsOf } from './conditions.ts';
import { ANNOTATION, EXPORT_LABEL, FINALIZER, idOf, type VolumeExport } from './volume-export.ts';

/** What of a record is kept in the status; the rest is the resource's own. */
const KeptRecord = ExportRecord.omit({ version: true, id: true, created: true, request: true });
type KeptRecord = typeof KeptRecord._output;

type Request = ExportRecord['request'];

/** The record that a resource is. What its spec and metadata wish for counts, whatever was written down before. */
export function recordOf(resource: VolumeExport): ExportRecord {
  const record = writtenRecord(resource);
  const { deletionTimestamp, annotations = {} } = resource.metadata;
  const mayRetry = record.phase === 'Failed' || record.phase === 'Cancelled';
  if (!mayRetry || deletionTimestamp !== undefined || annotations[ANNOTATION.retry] === undefined)
    return record;
  return retry(record);
}

function writtenRecord(resource: VolumeExport): ExportRecord {
  const kept = keptOf(resource);
  const wish = wishOf(resource, kept);
  const isNew = wish !== kept.wish;
  const { due: keptDue, trouble: keptTrouble, ...rest } = kept;
  // What was in the way of another wish may not be in the way of this one.
  const [due, trouble] = isNew || lacksFinalizer(resource) ? [0, undefined] : [keptDue, keptTrouble];
  return {
    version: 1,
    id: idOf(resource),
    created: createdOf(resource),
    request: requestOf(resource),
    ...rest,
    wish,
    ...(due !== undefined && { due }),
    ...(trouble && { trouble }),
  };
}

/** Whether its archive is to go with it, and nothing would hold it until then. */
function lacksFinalizer({ metadata: { annotations, finalizers, deletionTimestamp } }: VolumeExport): boolean {
  if (annotations?.[ANNOTATION.deleteArchive] === undefined || deletionTimestamp !== undefined) return false;
  return !finalizers?.includes(FINALIZER);
}

/** Kubernetes counts in seconds: a request over HTTP notes its time more exactly, and is believed that much. */
function createdOf({ metadata: { creationTimestamp = '', annotations = {} } }: VolumeExport): string {
  const made = Date.parse(creationTimestamp);
  const noted = Date.parse(annotations[ANNOTATION.requested] ?? '');
  return new Date(Math.abs(noted - made) < 2_000 ? noted : made).toISOString();
}

function keptOf(resource: VolumeExport): KeptRecord {
  const { record } = resource.status ?? {};
  if (record) return KeptRecord.parse(record);
  return {
    revision: 0,
    wish: wishOf(resource, { phase: 'Pending' }),
    phase: 'Pending',
    retried: 0,
    runs: 0,
    due: 0,
  };
}

export const revisionOf = ({ status }: VolumeExport): number => Number(status?.record?.revision ?? 0);

type Ended = Pick<ExportRecord, 'phase' | 'ended'>;

/**
 * What the resource wishes for. One that is being deleted ends its export, and takes the archive with it only where it
 * says so. After the end neither `suspend` nor a cancellation means anything.
 */
export function wishOf({ metadata, spec }: Pick<VolumeExport, 'metadata' | 'spec'>, record: Ended): Wish {
  const annotations = metadata.annotations ?? {};
  if (metadata.deletionTimestamp !== undefined)
    return hasEnded(record) && annotations[ANNOTATION.deleteArchive] !== undefined ? 'delete' : 'forget';
  if (hasEnded(record)) return isExpired(spec, record) ? 'forget' : 'run';
  if (annotations[ANNOTATION.cancel] !== undefined) return 'cancel';
  return spec.suspend ? 'suspend' : 'run';
}

function isExpired({ ttlSecondsAfterFinished: seconds }: VolumeExportSpec, { ended }: Ended): boolean {
  return seconds !== undefined && ended !== undefined && Date.parse(ended) + seconds * 1_000 <= Date.now();
}

/** `shop/photos` and `shop/archive-bucket/exports`: unique in the cluster, and readable. */
function requestOf({ metadata, spec }: VolumeExport): Request {
  const { namespace = '', name = '' } = metadata;
  const { source, destination, format, exclude, onChange } = spec;
  return {
    volume: place(namespace, source.claim, source.path),
    destination: place(namespace, destination.secret, destination.prefix),
    name,
    format,
    level: spec.level ?? LEVELS[format].default,
    exclude,
    onChange,
    workers: spec.workers,
    consistency: source.consistency,
    ...(source.snapshotClass !== undefined && { snapshotClass: source.snapshotClass }),
  };
}

const place = (namespace: string, name: string, path: string) =>
  [namespace, name, path.replace(/^\/+|\/+$/g, '')].filter(Boolean).join('/');

export interface Places {
  namespace: string;
  claim: string;
  path: string;
  secret: string;
  prefix: string;
}

/** What volume and destination of a request name; the reverse of what makes them. */
export function placesOf({ volume, destination }: Pick<Request, 'volume' | 'destination'>): Places {
  const [namespace, claim, ...path] = volume.split('/');
  const [, secret, ...prefix] = destination.split('/');
  return { namespace, claim, path: `/${path.join('/')}`, secret, prefix: prefix.join('/') };
}

/** The spec of a record that a request over HTTP made. */
export function specOf({ request, wish }: ExportRecord): VolumeExportSpec {
  const { claim, path, secret, prefix } = placesOf(request);
  const { format, level, exclude, onChange, workers = 1, consistency = 'Live', snapshotClass } = request;
  return {
    source: { claim, path, consistency, ...(snapshotClass !== undefined && { snapshotClass }) },
    destination: { secret, prefix },
    ...{ format, level, exclude, onChange, workers, suspend: wish === 'suspend' },
    pod: {
      readAll: false,
      resources: {},
      nodeSelector: {},
      tolerations: [],
      priorityClassName: '',
      imagePullSecrets: [],
      securityContext: {},
    },
  };
}

/** What the status is to say of a record. */
export function statusOf(record: ExportRecord, resource: VolumeExport): VolumeExportStatus {
  const { version: _v, id, created: _c, request: _r, ...kept } = record;
  const { generation } = resource.metadata;
  const before = resource.status;
  return {
    ...before,
    observedGeneration: generation,
    phase: record.phase,
    conditions: conditionsOf(record, { before: before?.conditions ?? [], generation }),
    workers: before?.workers ?? 0,
    selector: `${EXPORT_LABEL}=${id}`,
    ...(record.counters && { progress: progressOf(parseCounters(asHash(record.counters))) }),
    ...(record.result && { archive: archiveOf(record, record.result) }),
    ...(record.started && { startTime: record.started }),
    completionTime: record.ended,
    record: KeptRecord.parse(kept),
  };
}

const asHash = (counters: Record<string, number>) =>
  Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, String(value)]));

function archiveOf({ request }: ExportRecord, { archive, manifest }: NonNullable<ExportRecord['result']>) {
  const { prefix } = placesOf(request);
  const inFolder = (key: string) => (prefix ? `${prefix}/${key}` : key);
  return { key: inFolder(archive.key), bytes: archive.bytes, manifest: inFolder(manifest.key) };
}

/** For people: how far it is, and how large the volume. */
export function progressOf(counters: Counters): NonNullable<VolumeExportStatus['progress']> {
  const { planned, tapeBytes, doneTapeBytes, archiveBytes, items, doneItems, files, packs } = counters;
  // Until the volume is planned, nobody knows what all of it is.
  const done = planned && tapeBytes > 0 ? `${Math.floor((100 * doneTapeBytes) / tapeBytes)}%` : '';
  return {
    done,
    size: sizeOf(tapeBytes),
    tapeBytes,
    doneTapeBytes,
    archiveBytes,
    items,
    doneItems,
    files,
    packs,
  };
}

const UNITS = ['B', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** As Kubernetes writes quantities: `482Mi`. */
function sizeOf(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 2 ** (10 * power);
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)}${UNITS[power]}`;
}
