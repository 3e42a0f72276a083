import { LongshoreError } from '@longshore/shared';

export type StoreErrorCode =
  | 'NOT_FOUND'
  /** A conditional write found an object there; nothing was overwritten. */
  | 'ALREADY_EXISTS'
  | 'ACCESS_DENIED'
  | 'BAD_CREDENTIALS'
  | 'NO_SUCH_BUCKET'
  | 'NO_SUCH_UPLOAD'
  /** A part that completion names isn't the one that the store holds: missing, or replaced by a late writer. */
  | 'PART_MISMATCH'
  | 'PART_TOO_SMALL'
  | 'NO_SPACE'
  /** No answer: refused, reset, timed out, unresolvable. Passes, perhaps. */
  | 'UNREACHABLE'
  /** 5xx and the like. Passes, perhaps. */
  | 'UNAVAILABLE'
  /** SlowDown, 429. Passes. */
  | 'THROTTLED'
  /** The caller's own AbortSignal. */
  | 'ABORTED'
  /** Anything else that the store refused. */
  | 'REFUSED'
  /** The destination's address itself is wrong. */
  | 'BAD_DESTINATION';

/** The one error class of this package; `message` names the store and the key. */
export class StoreError extends LongshoreError<StoreErrorCode> {}
