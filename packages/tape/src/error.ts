import { type DriftKind, LongshoreError } from '@longshore/shared';

export type TapeErrorCode =
  /** The volume's root isn't there, or isn't a directory. */
  | 'VOLUME_MISSING'
  /** The volume was there, and went away, was emptied or was replaced while it was read. */
  | 'VOLUME_GONE'
  /** A file isn't as planned, and the order says to fail on that. */
  | 'DRIFT'
  /** An exclude pattern can't be compiled. */
  | 'BAD_EXCLUDE'
  /** A catalog segment, record or other work-area file isn't what its writer wrote. */
  | 'CORRUPT'
  /** This worker's Node, zlib or zstd isn't the one that the order names, or can't make what it asks for. */
  | 'BUILD_MISMATCH'
  /** The local disk for intermediate files is full. */
  | 'SPOOL_FULL'
  /** The tape doesn't fit the part numbers. */
  | 'TAPE_TOO_LONG'
  /** An entry has a property that the archive can't hold. */
  | 'UNSUPPORTED_ENTRY'
  /** A system call failed in a way that isn't about one file: EIO, ESTALE, EMFILE. */
  | 'IO';

/** A file that isn't as planned: its path for people to read, and how it differs. */
export interface DriftFound {
  path: string;
  kind: DriftKind;
}

/**
 * The one error class of this package. `errno` is the system's name for the cause (`EIO`), where there is one, and
 * `drift` what DRIFT is about.
 */
export class TapeError extends LongshoreError<TapeErrorCode> {
  readonly errno: string | undefined;
  readonly drift: DriftFound | undefined;

  constructor(
    code: TapeErrorCode,
    message: string,
    options?: ErrorOptions & { errno?: string; drift?: DriftFound },
  ) {
    super(code, message, options);
    this.errno = options?.errno;
    this.drift = options?.drift;
  }
}
