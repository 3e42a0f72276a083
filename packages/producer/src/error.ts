import { LongshoreError } from '@longshore/shared';

export type ProducerErrorCode =
  /** The request itself can't be carried out as it stands: a bad name, level, format or pattern. */
  | 'BAD_REQUEST'
  /** Something with the archive's name exists already. */
  | 'ARCHIVE_EXISTS'
  /** Another planner created a segment that differs from ours; planning goes on from what is durable. */
  | 'PLAN_OVERTAKEN'
  /** The flow's parent is gone from the queue: the export was cancelled or the queue was emptied. */
  | 'FLOW_GONE'
  /** The thread that walks the volume died. */
  | 'PLANNER_DIED';

/** The one error class of this package. */
export class ProducerError extends LongshoreError<ProducerErrorCode> {}
