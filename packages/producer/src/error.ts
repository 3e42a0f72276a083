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
  | 'PLANNER_DIED'
  /** No export has this id. */
  | 'UNKNOWN_EXPORT'
  /** The operator configured no volume, or no destination, of this name. */
  | 'UNKNOWN_VOLUME'
  | 'UNKNOWN_DESTINATION'
  /** What was asked for makes no sense in the export's phase. */
  | 'WRONG_PHASE'
  /** Another export that hasn't been deleted has this name at this destination. */
  | 'NAME_TAKEN'
  /** An idempotency key came again with another request. */
  | 'IDEMPOTENCY_MISMATCH'
  /** Somebody else changed the record since it was read: read it again. */
  | 'RECORD_CHANGED'
  /** Kubernetes' API server refuses what the producer asks of it. */
  | 'CLUSTER_REFUSED'
  /** Kubernetes' API server can't be reached, has no room or fails itself: it's to be asked again. */
  | 'CLUSTER_AWAY'
  /** The Secret with the bucket's address and keys isn't there, or lacks some. */
  | 'SECRET_MISSING'
  /** It went with its namespace, and doesn't come again. */
  | 'SECRET_GONE'
  /** The snapshot or clone that an export began with was deleted before it had ended. */
  | 'COPY_LOST'
  /** The API would be open to others than this machine, and no tokens are configured. */
  | 'AUTH_REQUIRED'
  | 'BAD_TOKEN_FILE'
  /** The address is taken, isn't this machine's, or may not be used. */
  | 'CANNOT_LISTEN'
  /** No token, or one that isn't known; and a token whose role doesn't allow it. */
  | 'UNAUTHENTICATED'
  | 'FORBIDDEN'
  /** What a browser sent on behalf of somebody else's page. */
  | 'FOREIGN_HOST'
  | 'FOREIGN_ORIGIN'
  | 'NO_SUCH_ROUTE'
  | 'METHOD_NOT_ALLOWED'
  | 'NOT_ACCEPTABLE'
  | 'UNSUPPORTED_BODY'
  | 'BAD_JSON'
  | 'BODY_TOO_LARGE'
  | 'TOO_MANY_REQUESTS'
  | 'TOO_MANY_STREAMS'
  /** The archive isn't the one that `If-Match` names. */
  | 'PRECONDITION_FAILED'
  | 'RANGE_NOT_SATISFIABLE'
  /** There's no volume of the name that a live download asks for; it isn't this server's to read; or can't be read. */
  | 'NO_SUCH_VOLUME'
  | 'VOLUME_NOT_HERE'
  | 'VOLUME_FAILED'
  /** A live volume isn't as it was planned any more, or the download isn't of the plan that's served now. */
  | 'VOLUME_CHANGED'
  /** A live volume is being planned, which takes a while. */
  | 'PLANNING'
  /** Its plan takes more room than there is. */
  | 'PLAN_TOO_LARGE'
  /** As many live volumes are planned or downloaded as may be at once. */
  | 'TOO_MANY_TRANSFERS'
  /** The folder for live volumes' plans is open to other users. */
  | 'BAD_PLAN_FOLDER'
  /** The thread that reads a live volume died. */
  | 'TRANSFER_DIED'
  /** Somebody removed or replaced a completed export's archive. */
  | 'ARCHIVE_GONE'
  /** What was published beside the archive can't be read: its index or its manifest. */
  | 'PUBLISHED_DAMAGED'
  /** The archive has nothing at this path; and something that has no content. */
  | 'NO_SUCH_ENTRY'
  | 'NOT_A_FILE'
  /** An archive's index is larger than all that this server keeps of them; and there is no room for it. */
  | 'INDEX_TOO_LARGE'
  | 'CACHE_FULL'
  | 'SELECTION_TOO_LARGE'
  /** Redis is away, or refuses to be written. */
  | 'NOT_READY'
  /** Redis or a store didn't answer in the time that a request may take. */
  | 'TOO_SLOW';

/** The one error class of this package. */
export class ProducerError extends LongshoreError<ProducerErrorCode> {}
