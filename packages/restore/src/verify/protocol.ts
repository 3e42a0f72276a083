import type { Format } from '@longshore/shared';
import type { IndexedFrame } from '@longshore/tape';
import type { Span } from '../archive/span.ts';

/** Consecutive frames, with all of the archive from the ones before to their end. */
export interface VerifyTask {
  format: Format;
  archive: Span;
  /** The archive's bytes in that span, fewer where it is cut off. */
  bytes: Uint8Array<SharedArrayBuffer>;
  frames: readonly IndexedFrame[];
  /** Spans of the tape whose CRC-32 is wanted: contents, each as far as it is in these frames. */
  contents: readonly Span[];
  /** Spans of the tape that are to be headers. */
  headers: readonly Span[];
  /** Spans of the archive whose CRC-32 is wanted. */
  segments: readonly Span[];
}

export interface VerifyReply {
  /** Of the frames' raw bytes; a frame that can't be decoded counts as zeros. */
  tapeCrc32: number;
  contentCrcs: Uint32Array;
  segmentCrcs: Uint32Array;
  /** Positions in the task's headers of those that are none. */
  damagedHeaders: number[];
  /** Positions in the task's frames of those that can't be decoded, or aren't there. */
  damaged: number[];
}
