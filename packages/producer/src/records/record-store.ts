import type { Counters, Phase } from '@longshore/shared';
import type { ExportRecord } from './record.ts';

/** A request that a caller may send again, and which is then answered as the first time. */
export interface Idempotency {
  /** The caller's own key; callers don't see each other's. */
  caller: string;
  key: string;
  /** Of the request. */
  digest: string;
}

export interface RecordQuery {
  phase?: Phase;
  volume?: string;
  /** What `next` said on the page before. */
  cursor?: string;
  limit: number;
}

export interface RecordPage {
  records: ExportRecord[];
  next?: string;
}

/**
 * Where export records are kept. Every change names the revision that it is based on, so that of two producers
 * one is refused and looks again; nothing is ever lost to a late writer.
 */
export interface RecordStore {
  /**
   * Keeps a new record, revision 0. The one that the idempotency key made before is returned instead; with another
   * digest that's IDEMPOTENCY_MISMATCH. Rejects with NAME_TAKEN where a record that wasn't deleted has the same
   * archive, index or manifest at the same destination.
   */
  create(
    record: ExportRecord,
    idempotency?: Idempotency,
  ): Promise<{ record: ExportRecord; existed: boolean }>;

  get(id: string): Promise<ExportRecord | undefined>;

  /** Keeps a change of `record`, whose revision is still the read one's; returns it with the next revision. RECORD_CHANGED. */
  update(record: ExportRecord): Promise<ExportRecord>;

  /** Shows progress to those who look at the record where it's kept; nothing that a step goes by changes. */
  noteProgress(record: ExportRecord, counters: Counters): Promise<void>;

  /** Forgets a record, and frees its name. RECORD_CHANGED, as `update`; one that isn't there is no error. */
  remove(record: ExportRecord): Promise<void>;

  /** Newest first. */
  list(query: RecordQuery): Promise<RecordPage>;

  /** How many records there are in each phase. */
  countPhases(): Promise<Record<Phase, number>>;

  /** Ids of the records that are due by `now` (ms since 1970), at most `limit`. */
  due(now: number, limit: number): Promise<string[]>;
}
