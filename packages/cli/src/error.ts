import { LongshoreError } from '@longshore/shared';

export type CliErrorCode =
  /** The command line or the configuration can't be used. */
  | 'USAGE'
  /** A program that the command needs isn't installed. */
  | 'MISSING_PROGRAM'
  /** The temporary folder can't be used. */
  | 'BAD_TEMP'
  /** The Redis of `--redis` doesn't let this user in. */
  | 'REDIS_REFUSED'
  /** The Redis of `--redis` doesn't answer, or isn't one. */
  | 'REDIS_UNREACHABLE'
  /** The disk that the private Redis keeps its data on is full. */
  | 'SPOOL_FULL'
  /** Worker processes end as soon as they are started. */
  | 'WORKERS_DIED'
  /** The private Redis can't be started. */
  | 'REDIS_DIED'
  /** One of the export's jobs failed for good; the message is that job's. */
  | 'EXPORT_FAILED'
  /** The queue lost the export. */
  | 'EXPORT_GONE'
  /** The server of a client command doesn't answer. */
  | 'SERVER_UNREACHABLE'
  /** Its certificate isn't one that is trusted here. */
  | 'SERVER_UNTRUSTED'
  /** Something answers that isn't a Longshore server, or is one of another version. */
  | 'NOT_A_SERVER'
  /** The server wants a token, another one, or one of another role. */
  | 'TOKEN_REFUSED'
  /** The server refused what was asked for; the message is its own. */
  | 'REQUEST_REFUSED'
  /** The server can't do now what was asked for. */
  | 'SERVER_FAILED'
  /** A pod's configuration can't be used, and no other try would mend it. */
  | 'BAD_POD'
  /** The producer isn't in a cluster, or its pod lacks what the manifests give it. */
  | 'NOT_IN_CLUSTER'
  /** A file that the command would write is there already, or belongs to another download. */
  | 'TARGET_EXISTS'
  /** Where the command would write can't be written to. */
  | 'BAD_TARGET'
  /** The disk that the command writes to is full. */
  | 'TARGET_FULL'
  /** The archive isn't the one any more that the download began with. */
  | 'ARCHIVE_CHANGED'
  /** What comes for a part of the archive isn't what was packed, time and again. */
  | 'ARCHIVE_DAMAGED'
  /** Links that the server has just made are refused where they lead. */
  | 'LINK_REFUSED'
  /** What was being sent broke off. */
  | 'BROKE_OFF'
  /** SIGINT or SIGTERM. */
  | 'INTERRUPTED';

/** The one error class of this package. */
export class CliError extends LongshoreError<CliErrorCode> {}
