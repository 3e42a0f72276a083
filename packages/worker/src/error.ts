import { LongshoreError } from '@longshore/shared';

export type WorkerErrorCode =
  /** The order names a volume or destination that this worker wasn't started with. */
  | 'UNKNOWN_VOLUME'
  | 'UNKNOWN_DESTINATION'
  /** There is no order: the export ended, or its work area was deleted. */
  | 'ORDER_MISSING'
  /** The local disk for intermediate files is full. */
  | 'SPOOL_FULL'
  /** A rendering thread died under its task. */
  | 'THREAD_DIED'
  /** There is no memory for an item's compressed bytes. */
  | 'OUT_OF_MEMORY'
  /** The archive that the store shows isn't the one that was uploaded. */
  | 'ARCHIVE_MISMATCH'
  /** More bytes than the store takes as one object. */
  | 'ARCHIVE_TOO_LARGE'
  /** Something with one of the export's names appeared while it ran. */
  | 'ARCHIVE_EXISTS'
  /** The attempt was ended: see `StopReason`. */
  | 'STOPPED';

/** The one error class of this package. */
export class WorkerError extends LongshoreError<WorkerErrorCode> {}
