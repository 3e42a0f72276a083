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
  /** SIGINT or SIGTERM. */
  | 'INTERRUPTED';

/** The one error class of this package. */
export class CliError extends LongshoreError<CliErrorCode> {}
