import { createHash } from 'node:crypto';
import type {
  ChangeExport,
  CreateExport,
  ExportList,
  ExportStatus,
  ListExports,
  PartMap,
} from '@longshore/shared';
import type { Store } from '@longshore/store';
import type { Redis } from 'ioredis';
import { ProducerError } from '../error.ts';
import { newExportId } from '../open-export.ts';
import { type ExportRecord, hasEnded } from '../records/record.ts';
import type { Idempotency, RecordStore } from '../records/record-store.ts';
import { checkRequest, type ExportRequest } from '../request.ts';
import { MAX_ITEMS, readDone, readLive } from './live.ts';
import { statusOf } from './status.ts';
import * as wishes from './wishes.ts';

/** Who sends a request, and the key by which it may be sent again. */
export interface IdempotencyKey {
  caller: string;
  key: string;
}

/** A completed export's archive: where it is, and under which key; and the keys of what was published beside it. */
export interface PublishedArchive {
  store: Store;
  key: string;
  bytes: number;
  etag: string;
  index: string;
  manifest: string;
}

/**
 * What callers may do with exports. Every method rejects with UNKNOWN_EXPORT for an id that there isn't; those that
 * act reject with WRONG_PHASE where what is asked for makes no sense.
 */
export interface ExportsApi {
  /** Rejects with BAD_REQUEST, BAD_EXCLUDE, UNKNOWN_VOLUME, UNKNOWN_DESTINATION, NAME_TAKEN, IDEMPOTENCY_MISMATCH. */
  create(
    body: CreateExport,
    idempotency?: IdempotencyKey,
  ): Promise<{ status: ExportStatus; existed: boolean }>;
  get(id: string): Promise<ExportStatus>;
  list(query: ListExports): Promise<ExportList>;
  cancel(id: string): Promise<ExportStatus>;
  retry(id: string): Promise<ExportStatus>;
  suspend(id: string): Promise<ExportStatus>;
  resume(id: string): Promise<ExportStatus>;
  /** BAD_REQUEST where exports share a pool. */
  change(id: string, change: ChangeExport): Promise<ExportStatus>;
  delete(id: string): Promise<void>;
  partMap(id: string): Promise<PartMap>;
  archive(id: string): Promise<PublishedArchive>;
}

export interface ExportsParts {
  /** May read every export's counters. */
  redis: Redis;
  records: RecordStore;
  places: ExportPlaces;
  /** Has the reconciler look at exports at once. */
  wake(ids: readonly string[]): Promise<void>;
}

/** Where exports may come from and go to, and where their jobs are. */
export interface ExportPlaces {
  /** What a body asks for, in full. Rejects with UNKNOWN_VOLUME, UNKNOWN_DESTINATION. */
  requestOf(body: CreateExport): ExportRequest;
  /** Name of the queue that has an export's jobs. */
  queueOf(record: ExportRecord): string;
  /** Has so many pods work on it. BAD_REQUEST where exports share a pool, RECORD_CHANGED. */
  setWorkers(record: ExportRecord, workers: number): Promise<ExportRecord>;
  /** UNKNOWN_DESTINATION. */
  storeOf(record: ExportRecord): Promise<Store>;
}

/** Exports of one volume that may be requested in one second without a name. */
const MAX_SAME_SECOND = 1_000;

/** Changes that may be overtaken by others before one gets through. */
const CHANGE_TRIES = 20;

export class Exports implements ExportsApi {
  #parts: ExportsParts;

  constructor(parts: ExportsParts) {
    this.#parts = parts;
  }

  async create(body: CreateExport, idempotency?: IdempotencyKey) {
    const request = this.#parts.places.requestOf(body);
    checkRequest(request);
    const digest = createHash('sha256').update(JSON.stringify(body)).digest('hex');
    const again = idempotency && { ...idempotency, digest };
    const create = body.name === undefined ? this.#createUnnamed : this.#create;
    const { record, existed } = await create.call(this, request, again);
    await this.#wake(record.id);
    return { status: await this.#status(record), existed };
  }

  async get(id: string): Promise<ExportStatus> {
    return this.#status(await this.#record(id));
  }

  async list(query: ListExports): Promise<ExportList> {
    const { records, next } = await this.#parts.records.list(query);
    const live = await readLive(records, this.#parts);
    return { exports: records.map((record, at) => statusOf(record, live[at])), ...(next && { next }) };
  }

  change(id: string, { workers }: ChangeExport): Promise<ExportStatus> {
    return this.#latest(id, (record) => {
      if (hasEnded(record)) throw wishes.wrongPhase(record, 'it needs no workers any more');
      return this.#parts.places.setWorkers(record, workers);
    });
  }

  cancel(id: string): Promise<ExportStatus> {
    return this.#wish(id, wishes.cancel);
  }

  retry(id: string): Promise<ExportStatus> {
    return this.#wish(id, wishes.retry);
  }

  suspend(id: string): Promise<ExportStatus> {
    return this.#wish(id, wishes.suspend);
  }

  resume(id: string): Promise<ExportStatus> {
    return this.#wish(id, wishes.resume);
  }

  async delete(id: string): Promise<void> {
    await this.#wish(id, wishes.remove);
  }

  async partMap(id: string): Promise<PartMap> {
    const record = await this.#record(id);
    const [live] = await readLive([record], this.#parts);
    const { items } = statusOf(record, live).progress;
    if (record.phase === 'Completed')
      return { items, done: allDone(Math.min(items, MAX_ITEMS)).toString('base64') };
    if (!record.run) return { items, done: '' };
    return { items, done: (await readDone(record, this.#parts)).toString('base64') };
  }

  async archive(id: string): Promise<PublishedArchive> {
    const record = await this.#record(id);
    const { result, phase, wish } = record;
    if (wish === 'delete') throw unknown(id);
    const store = await this.#parts.places.storeOf(record);
    if (result) return { store, ...result.archive, index: result.index.key, manifest: result.manifest.key };
    throw new ProducerError(
      'WRONG_PHASE',
      `The export ${id} is ${phase}: it has no archive before it is Completed.`,
    );
  }

  #create(request: ExportRequest, idempotency: Idempotency | undefined) {
    return this.#parts.records.create(recordOf(request), idempotency);
  }

  /** Default names tell the second, and several requests may come in one. */
  async #createUnnamed(request: ExportRequest, idempotency: Idempotency | undefined) {
    for (let number = 1; ; number++) {
      const name = number === 1 ? request.name : `${request.name}-${number}`;
      try {
        return await this.#create({ ...request, name }, idempotency);
      } catch (error) {
        const taken = error instanceof ProducerError && error.code === 'NAME_TAKEN';
        if (!taken || number === MAX_SAME_SECOND) throw error;
      }
    }
  }

  async #record(id: string): Promise<ExportRecord> {
    const record = await this.#parts.records.get(id);
    if (record) return record;
    throw unknown(id);
  }

  #wish(id: string, wish: wishes.Change): Promise<ExportStatus> {
    return this.#latest(id, async (record) => {
      const changed = wish(record);
      return changed === record ? record : this.#parts.records.update(changed);
    });
  }

  /** Changes the latest record, however often others change it meanwhile. */
  async #latest(id: string, change: (record: ExportRecord) => Promise<ExportRecord>): Promise<ExportStatus> {
    for (let tries = 1; ; tries++) {
      const record = await this.#record(id);
      try {
        const changed = await change(record);
        if (changed !== record) await this.#wake(id);
        return await this.#status(changed);
      } catch (error) {
        const overtaken = error instanceof ProducerError && error.code === 'RECORD_CHANGED';
        if (!overtaken || tries === CHANGE_TRIES) throw error;
      }
    }
  }

  /** What was asked for is written down by now; where waking fails, the next resync does it. */
  async #wake(id: string): Promise<void> {
    await this.#parts.wake([id]).catch(() => undefined);
  }

  async #status(record: ExportRecord): Promise<ExportStatus> {
    const [live] = await readLive([record], this.#parts);
    return statusOf(record, live);
  }
}

function recordOf(request: ExportRequest): ExportRecord {
  const created = new Date().toISOString();
  const fresh = { revision: 0, retried: 0, runs: 0, due: 0 };
  return { version: 1, id: newExportId(), created, request, wish: 'run', phase: 'Pending', ...fresh };
}

/** A bitmap as SETBIT makes it: the first item is the highest bit of the first byte. */
function allDone(items: number): Buffer {
  const bitmap = Buffer.alloc(Math.ceil(items / 8), 0xff);
  if (items % 8) bitmap[bitmap.length - 1] = (0xff << (8 - (items % 8))) & 0xff;
  return bitmap;
}

const unknown = (id: string) =>
  new ProducerError('UNKNOWN_EXPORT', `There is no export ${JSON.stringify(id)}.`);
