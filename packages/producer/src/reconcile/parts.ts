import type { Build, Failure } from '@longshore/shared';
import type { Store } from '@longshore/store';
import type { Logger } from 'pino';
import type { QueueAccess } from '../end-export.ts';
import type { ExportRecord } from '../records/record.ts';
import type { RecordStore } from '../records/record-store.ts';

/** Those who do an export's jobs. Every method may be repeated, and be called by two producers at the same time. */
export interface Workforce {
  /** Has as many workers as the export wants; says what keeps them from working, or ends the export (`isSpoiled`). */
  call(record: ExportRecord): Promise<Failure | undefined>;
  /** The export is suspended: its workers needn't wait for it. */
  rest(record: ExportRecord): Promise<void>;
  /** The export has ended, and nothing is left to be done in its queue. Without a run it can't go on either. */
  dismiss(record: ExportRecord): Promise<void>;
}

/** What belongs to one export: its queue, its store, its workers. Several exports may share them. */
export interface Place extends QueueAccess {
  /** Where the archive goes. Rejects with UNKNOWN_DESTINATION where there is no such place any more. */
  store(): Promise<Store>;
  workers: Workforce;
}

/** What reconciling needs, whichever export it is about. */
export interface ReconcileSetting {
  records: RecordStore;
  placeOf(record: ExportRecord): Promise<Place>;
  /** The versions that new orders name. */
  build: Build;
  /** How long a failed export keeps its upload and work area, in ms. */
  retainFailedMs: number;
  /** How long a record that is to be forgotten waits for a store that can't be reached, in ms; for ever where absent. */
  releaseMs?: number;
  logger: Logger;
  /** Ends what is under way when the producer leaves. */
  signal: AbortSignal;
}

/** What a step needs that reconciles one export. */
export interface ReconcileParts extends Omit<ReconcileSetting, 'placeOf'>, Place {}
