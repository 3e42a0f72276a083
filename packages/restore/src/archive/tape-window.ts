import type { Format } from '@longshore/shared';
import { decodeFrameSync, type IndexedFrame } from '@longshore/tape';

/** Consecutive frames as the archive has them. */
export interface Encoded {
  format: Format;
  frames: readonly IndexedFrame[];
  bytes: Uint8Array;
  /** Where `bytes` begins in the archive. */
  archiveOffset: number;
}

/**
 * A part of the tape, decoded: one piece of memory that is used again for the next frames. What can't be decoded
 * is zeros, and said to be damaged.
 */
export class TapeWindow {
  #memory = Buffer.alloc(0);
  #start = 0;
  #bytes = 0;
  #damaged: number[] = [];
  #frames: readonly IndexedFrame[] = [];

  /** Replaces what was there. */
  load({ format, frames, bytes, archiveOffset }: Encoded): void {
    this.#frames = frames;
    this.#start = frames[0]?.tapeOffset ?? 0;
    this.#bytes = frames.reduce((sum, { tapeBytes }) => sum + tapeBytes, 0);
    this.#damaged = [];
    if (this.#memory.length < this.#bytes) this.#memory = Buffer.alloc(this.#bytes);
    for (const [position, frame] of frames.entries()) {
      const at = frame.archiveOffset - archiveOffset;
      const target = this.span(frame.tapeOffset, frame.tapeOffset + frame.tapeBytes);
      if (decodeFrameSync(format, bytes.subarray(at, at + frame.archiveBytes), target)) continue;
      target.fill(0);
      this.#damaged.push(position);
    }
  }

  /** Where it begins on the tape. */
  get start(): number {
    return this.#start;
  }

  /** Where it ends, exclusive. */
  get end(): number {
    return this.#start + this.#bytes;
  }

  /** Positions of the frames that can't be decoded. */
  get damaged(): number[] {
    return this.#damaged;
  }

  /** Tape bytes from `start` to `end`, exclusive: a view until the next `load`. */
  span(start: number, end: number): Buffer {
    return this.#memory.subarray(start - this.#start, end - this.#start);
  }

  isDamaged(start: number, end: number): boolean {
    return this.#damaged.some((position) => {
      const { tapeOffset, tapeBytes } = this.#frames[position];
      return tapeOffset < end && tapeOffset + tapeBytes > start;
    });
  }
}
