import { isDeepStrictEqual } from 'node:util';
import { type Counters, PHASES, type Phase } from '@longshore/shared';
import type { Logger } from 'pino';
import { ProducerError } from '../error.ts';
import { type ExportRecord, hasEnded } from '../records/record.ts';
import type { Idempotency, RecordPage, RecordQuery, RecordStore } from '../records/record-store.ts';
import { type ClusterApi, codeOf, ifThere, isConflict, isGone, saidBy } from './cluster-api.ts';
import { ObjectCache, type Page } from './object-cache.ts';
import { ReadableRecords } from './readable-records.ts';
import { type Address, type Reservations, requestDigest } from './reservations.ts';
import { placesOf, progressOf, recordOf, revisionOf, specOf, statusOf } from './resource-record.ts';
import { chaptersOf, tell } from './story.ts';
import {
  ANNOTATION,
  API_VERSION,
  FINALIZER,
  idOf,
  KIND,
  type Metadata,
  RESOURCE,
  type VolumeExport,
} from './volume-export.ts';

export interface KubernetesRecordStoreOptions {
  api: ClusterApi;
  reservations: Reservations;
  logger: Logger;
  /** Only its resources are looked after; all namespaces' where none is named. */
  namespace?: string;
  /** Told of every id whose resource came, changed or went. */
  onChange?: (id: string) => void;
}

/** A write that meets a version later than the one it's based on is tried again, where the record is still the same. */
const TRIES = 5;

/** Progress is shown by a write to the API server and to etcd: often enough for people. */
export const PROGRESS_MS = 5_000;

/**
 * Records that are custom resources: the spec is the request, the status is the rest. Reads come from a watch, which
 * may be behind; every write carries the version of the resource that it's based on, and the record's own revision is
 * compared as well, because somebody who changes a label doesn't change the record. With server-side apply a late
 * writer would turn Completed back into Packing without a conflict.
 *
 * The finalizer is there from before the first upload until nothing of the export is left but the archive.
 */
export class KubernetesRecordStore implements RecordStore, AsyncDisposable {
  readonly #options: KubernetesRecordStoreOptions;
  readonly #cache: ObjectCache<VolumeExport>;
  readonly #readable: ReadableRecords;
  /** Id → uid, of what the cache has. */
  readonly #shownAt = new Map<string, number>();

  static async open(options: KubernetesRecordStoreOptions): Promise<KubernetesRecordStore> {
    const store = new KubernetesRecordStore(options);
    await store.#cache.start();
    return store;
  }

  private constructor(options: KubernetesRecordStoreOptions) {
    this.#options = options;
    const { api, namespace, logger, onChange } = options;
    this.#readable = new ReadableRecords(logger);
    const { group, version, plural } = RESOURCE;
    const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
    this.#cache = new ObjectCache({
      watch: api.watch,
      path: `/apis/${group}/${version}${scope}/${plural}`,
      list: async (page): Promise<Page<VolumeExport>> =>
        namespace === undefined
          ? await api.custom.listCustomObjectForAllNamespaces({
              ...RESOURCE,
              resourcePlural: plural,
              ...page,
            })
          : await api.custom.listNamespacedCustomObject({ ...RESOURCE, namespace, ...page }),
      logger,
      onChange: (resource) => onChange?.(idOf(resource)),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache[Symbol.asyncDispose]();
  }

  /** The resource that a record is; undefined where it's gone. */
  resource(id: string): VolumeExport | undefined {
    return this.#cache.get(uidOf(id));
  }

  /** Exports that aren't over, whether they have begun or not. */
  liveIds(): string[] {
    return this.#readable.liveIds(this.#cache.values());
  }

  async create(record: ExportRecord, idempotency?: Idempotency) {
    const { namespace } = placesOf(record.request);
    const { name } = record.request;
    if (!idempotency) return { record: await this.#make(record, { namespace, name }), existed: false };
    const { reservations } = this.#options;
    const request = requestDigest(idempotency);
    const reserved = await reservations.reserve(idempotency, { namespace, name });
    if (reserved.made) return { record: await this.#known(reserved, idempotency), existed: true };
    try {
      const made = await this.#make(record, { ...reserved, request });
      await reservations.confirm(idempotency, made.id);
      return { record: made, existed: false };
    } catch (error) {
      const twin = isNameTaken(error) ? await this.#read(reserved) : undefined;
      if (twin?.metadata.annotations?.[ANNOTATION.request] !== request) {
        // The name is another request's: this one may come again with another name.
        await reservations.release(idempotency);
        throw error;
      }
      this.#cache.put(twin);
      return { record: recordOf(twin), existed: true };
    }
  }

  async get(id: string): Promise<ExportRecord | undefined> {
    const resource = this.resource(id);
    return resource && recordOf(resource);
  }

  async update(record: ExportRecord): Promise<ExportRecord> {
    const before = await this.get(record.id);
    const next = { ...record, revision: record.revision + 1 };
    const resource = await this.#write(record, async (current) =>
      this.#replaceStatus(await this.#replaceWishes(current, next), next),
    );
    const after = recordOf(resource);
    if (before)
      for (const chapter of chaptersOf(before, after)) await tell(resource, chapter, this.#options.api);
    return after;
  }

  /** Apart from `update`: whoever scales the resource meanwhile isn't to be overruled by what a record was read with. */
  async setWorkers(record: ExportRecord, workers: number): Promise<ExportRecord> {
    const written = await this.#write(record, (current) =>
      this.#replace({ ...current, spec: { ...current.spec, workers } }),
    );
    return recordOf(written);
  }

  async noteProgress(record: ExportRecord, counters: Counters): Promise<void> {
    const { id } = record;
    if (Date.now() - (this.#shownAt.get(id) ?? 0) < PROGRESS_MS) return;
    this.#shownAt.set(id, Date.now());
    const resource = this.resource(id);
    const progress = progressOf(counters);
    if (!resource || isDeepStrictEqual(progress, resource.status?.progress)) return;
    await this.showStatus(record, { progress });
  }

  /** Changes what the status shows beside the record. Whoever comes too late with it lets it be. */
  async showStatus(
    { id, revision }: Pick<ExportRecord, 'id' | 'revision'>,
    shown: Pick<NonNullable<VolumeExport['status']>, 'progress' | 'workers'>,
  ): Promise<void> {
    const resource = this.resource(id);
    if (!resource || revisionOf(resource) !== revision) return;
    try {
      this.#cache.put(await this.#putStatus(resource, { ...resource.status, ...shown }));
    } catch (error) {
      if (!isConflict(error) && !isGone(error)) throw error;
      await this.#refresh(resource);
    }
  }

  async remove(record: ExportRecord): Promise<void> {
    if (!this.resource(record.id)) return;
    const { metadata } = await this.#write(record, (current) => this.#delete(current));
    this.#shownAt.delete(record.id);
    this.#cache.delete({ metadata } as VolumeExport);
  }

  /** As `kubectl delete` does it: what the export has is then taken away. */
  async requestDeletion({ id }: Pick<ExportRecord, 'id'>): Promise<void> {
    const resource = this.resource(id);
    if (!resource || resource.metadata.deletionTimestamp !== undefined) return;
    await this.#requestDeletion(resource);
    await this.#refresh(resource);
  }

  async list({ phase, volume, cursor, limit }: RecordQuery): Promise<RecordPage> {
    const below = cursor === undefined ? undefined : decodeCursor(cursor);
    const all = this.#readable.of(this.#cache.values()).filter((record) => !phase || record.phase === phase);
    const found = all
      .filter((record) => volume === undefined || record.request.volume === volume)
      .sort((a, b) => compare(memberOf(b), memberOf(a)))
      .filter((record) => below === undefined || memberOf(record) < below);
    const records = found.slice(0, limit);
    return found.length > limit ? { records, next: encodeCursor(records[limit - 1]) } : { records };
  }

  async countPhases(): Promise<Record<Phase, number>> {
    const counts = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>;
    for (const { status } of this.#cache.values()) counts[status?.phase ?? 'Pending']++;
    return counts;
  }

  async due(now: number, limit: number): Promise<string[]> {
    return this.#readable
      .of(this.#cache.values())
      .filter(({ due }) => due !== undefined && due <= now)
      .sort((a, b) => a.due! - b.due!)
      .slice(0, limit)
      .map(({ id }) => id);
  }

  /** Writes on the latest version, as long as that has the record's revision: RECORD_CHANGED. */
  async #write(
    record: Pick<ExportRecord, 'id' | 'revision'>,
    write: (current: VolumeExport) => Promise<VolumeExport>,
  ): Promise<VolumeExport> {
    for (let tries = 1; ; tries++) {
      const current = this.resource(record.id);
      if (!current || revisionOf(current) !== record.revision) throw changed(record.id);
      try {
        const written = await write(current);
        this.#cache.put(written);
        return written;
      } catch (error) {
        if (isGone(error)) this.#cache.delete(current);
        else if (!isConflict(error) || tries === TRIES) throw unwritable(error, current);
        else await this.#refresh(current);
      }
    }
  }

  async #refresh({ metadata }: VolumeExport): Promise<void> {
    const { namespace = '', name = '', uid } = metadata;
    const latest = await this.#read({ namespace, name });
    if (latest && latest.metadata.uid === uid) this.#cache.put(latest);
    else this.#cache.delete({ metadata } as VolumeExport);
  }

  #read({ namespace, name }: { namespace: string; name: string }): Promise<VolumeExport | undefined> {
    return ifThere<VolumeExport>(
      this.#options.api.custom.getNamespacedCustomObject({ ...RESOURCE, namespace, name }),
    );
  }

  /** Suspension has a field, cancellation an annotation, and what has to be taken away a finalizer. */
  async #replaceWishes(current: VolumeExport, next: ExportRecord): Promise<VolumeExport> {
    const wanted = wishing(current, next);
    const { metadata, spec } = current;
    const same = JSON.stringify([wanted.metadata, wanted.spec]) === JSON.stringify([metadata, spec]);
    const replaced = same ? current : await this.#replace(wanted);
    if (next.wish !== 'delete' || metadata.deletionTimestamp !== undefined) return replaced;
    await this.#requestDeletion(replaced);
    return (await this.#read(addressOf(replaced))) ?? replaced;
  }

  async #replaceStatus(current: VolumeExport, next: ExportRecord): Promise<VolumeExport> {
    return this.#putStatus(current, statusOf(next, current));
  }

  async #putStatus(current: VolumeExport, status: VolumeExport['status']): Promise<VolumeExport> {
    const request = { ...RESOURCE, ...addressOf(current), body: { ...current, status } };
    return this.#options.api.custom.replaceNamespacedCustomObjectStatus(request);
  }

  async #replace(resource: VolumeExport): Promise<VolumeExport> {
    const request = { ...RESOURCE, ...addressOf(resource), body: resource };
    return this.#options.api.custom.replaceNamespacedCustomObject(request);
  }

  async #requestDeletion({ metadata }: VolumeExport): Promise<void> {
    const { uid, resourceVersion } = metadata;
    const preconditions = { uid, resourceVersion };
    const request = { ...RESOURCE, ...addressOf({ metadata }), body: { preconditions } };
    await this.#options.api.custom.deleteNamespacedCustomObject(request);
  }

  /** Frees the resource; one that nobody has deleted yet is deleted. */
  async #delete(current: VolumeExport): Promise<VolumeExport> {
    if (current.metadata.deletionTimestamp === undefined) await this.#requestDeletion(current);
    const latest = await this.#read(addressOf(current));
    if (latest?.metadata.uid !== current.metadata.uid) return current;
    const finalizers = latest?.metadata.finalizers?.filter((finalizer) => finalizer !== FINALIZER);
    if (latest) await this.#replace({ ...latest, metadata: { ...latest.metadata, finalizers } });
    return current;
  }

  async #make(
    record: ExportRecord,
    { namespace, name, request }: Address & { request?: string },
  ): Promise<ExportRecord> {
    const requested = { [ANNOTATION.requested]: new Date().toISOString() };
    const annotations = { ...requested, ...(request && { [ANNOTATION.request]: request }) };
    const metadata: Metadata = { name, namespace, annotations, finalizers: [FINALIZER] };
    const body: VolumeExport = { apiVersion: API_VERSION, kind: KIND, metadata, spec: specOf(record) };
    const { custom } = this.#options.api;
    try {
      const made: VolumeExport = await custom.createNamespacedCustomObject({ ...RESOURCE, namespace, body });
      this.#cache.put(made);
      if (isFresh(record)) return recordOf(made);
      const written = await this.#replaceStatus(made, { ...record, id: idOf(made) });
      this.#cache.put(written);
      return recordOf(written);
    } catch (error) {
      throw codeOf(error) === 409 ? nameTaken({ namespace, name }) : unwritable(error, body);
    }
  }

  async #known({ made }: { made?: string }, { key }: Idempotency): Promise<ExportRecord> {
    const record = await this.get(made ?? '');
    if (record) return record;
    const message = `The export ${made}, which the Idempotency-Key ${JSON.stringify(key)} began, was deleted: choose another key.`;
    throw new ProducerError('IDEMPOTENCY_MISMATCH', message);
  }
}

const addressOf = ({ metadata: { namespace = '', name = '' } }: Pick<VolumeExport, 'metadata'>) => ({
  namespace,
  name,
});

/** `x` and 32 hex digits, as a uid again. */
const uidOf = (id: string) => id.slice(1).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** As a request leaves it; anything else is written to the status at once. */
const isFresh = ({ phase, retried, runs, due, wish }: ExportRecord) =>
  phase === 'Pending' && retried === 0 && runs === 0 && due === 0 && wish === 'run';

/** The resource with the wishes of a record: only what says otherwise is changed. */
function wishing(current: VolumeExport, next: ExportRecord): VolumeExport {
  const held = withFinalizer(current, next);
  const { annotations = WISHED[next.wish] } = held.metadata;
  const { suspend } = held.spec;
  return {
    ...held,
    metadata: { ...held.metadata, ...(annotations && { annotations: annotationsFor(annotations, next) }) },
    spec: { ...held.spec, suspend: hasEnded(next) ? suspend : (SUSPENDED[next.wish] ?? suspend) },
  };
}

const SUSPENDED: Partial<Record<ExportRecord['wish'], boolean>> = { run: false, suspend: true };

const WISHED: Partial<Record<ExportRecord['wish'], Record<string, string>>> = {
  cancel: { [ANNOTATION.cancel]: 'true' },
  delete: { [ANNOTATION.deleteArchive]: 'true' },
};

/** One that goes on is neither to be cancelled nor to be tried again. */
function annotationsFor(annotations: Record<string, string>, next: ExportRecord): Record<string, string> {
  const { [ANNOTATION.cancel]: _cancel, [ANNOTATION.retry]: _retry, ...others } = annotations;
  return { ...(hasEnded(next) ? annotations : others), ...WISHED[next.wish] };
}

/** Kept while something has to be taken away, should the resource be deleted. None can be added after that. */
function withFinalizer(current: VolumeExport, next: ExportRecord): VolumeExport {
  const { finalizers = [], deletionTimestamp } = current.metadata;
  const { [ANNOTATION.deleteArchive]: takesArchive } = current.metadata.annotations ?? {};
  const isNeeded = !hasEnded(next) || next.due !== undefined || takesArchive !== undefined;
  if (finalizers.includes(FINALIZER) === isNeeded || (isNeeded && deletionTimestamp !== undefined))
    return current;
  const others = finalizers.filter((finalizer) => finalizer !== FINALIZER);
  return {
    ...current,
    metadata: { ...current.metadata, finalizers: isNeeded ? [...others, FINALIZER] : others },
  };
}

const memberOf = ({ created, id }: Pick<ExportRecord, 'created' | 'id'>) => `${created}/${id}`;
const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));
const encodeCursor = (record: ExportRecord) => Buffer.from(memberOf(record)).toString('base64url');

const MEMBER = /^[0-9TZ:.-]{20,30}\/x[0-9a-f]{32}$/;

function decodeCursor(cursor: string): string {
  const member = Buffer.from(cursor, 'base64url').toString('latin1');
  if (MEMBER.test(member)) return member;
  const message = `The cursor ${JSON.stringify(cursor)} isn't one of ours: give the \`next\` of the page before.`;
  throw new ProducerError('BAD_REQUEST', message);
}

function nameTaken({ namespace, name }: { namespace: string; name: string }): ProducerError {
  const message = `The namespace ${namespace} has a VolumeExport ${name}: choose another name, or delete that one.`;
  return new ProducerError('NAME_TAKEN', message);
}

const isNameTaken = (error: unknown) => error instanceof ProducerError && error.code === 'NAME_TAKEN';

function changed(id: string): ProducerError {
  return new ProducerError('RECORD_CHANGED', `The record of export ${id} was changed meanwhile; look again.`);
}

/** What the API server refused. 422 is admission's: the request itself is wrong. */
function unwritable(error: unknown, { metadata }: VolumeExport): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const message = `The API server refuses to write ${metadata.namespace}/${metadata.name}: ${saidBy(error)}`;
  return new ProducerError(code === 422 || code === 400 ? 'BAD_REQUEST' : 'CLUSTER_REFUSED', message, {
    cause: error,
  });
}
