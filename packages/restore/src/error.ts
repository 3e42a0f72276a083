import { LongshoreError } from '@longshore/shared';

export type RestoreErrorCode =
  /** The name isn't one of an archive, or there is none of this name. */
  | 'NO_ARCHIVE'
  /** The archive is there, and its manifest or index isn't, or can't be understood. */
  | 'INCOMPLETE_ARCHIVE'
  /** The index says what no export would: a name that leads out of its directory, or an entry below a file. */
  | 'UNSAFE_ARCHIVE'
  /** The directory to restore to can't be used, or isn't empty. */
  | 'BAD_TARGET'
  /** The archive, or the directory to restore to, can't be read or written any more. */
  | 'IO'
  /** A thread died under its task. */
  | 'THREAD_DIED';

/** The one error class of this package. */
export class RestoreError extends LongshoreError<RestoreErrorCode> {}
