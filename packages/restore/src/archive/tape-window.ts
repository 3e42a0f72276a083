import type { Format } from '@longshore/shared';
import { crc32, crc32Combine, decodeFrameSync, type IndexedFrame } from '@longshore/tape';
import type { Span } from './span.ts';

/** Consecutive frames as the archive has them. */
export interface Encoded {
  format: Format;
  frames: readonly IndexedFrame[];
  bytes: Uint8Array;
  /** Where `bytes` begins in the archive. */
  archiveOffset: number;
}

/** Less is gone through once more in the time that joining takes. */
const JOINED_BYTES = 64 * 2 ** 10;

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

  /**
   * The CRC-32 of each content, in the tape's order, and of the whole range that they are in: what is long is gone
   * through once for both.
   */
  crcs(contents: readonly Span[], range: Span): { tapeCrc32: number; contentCrcs: Uint32Array<ArrayBuffer> } {
    const contentCrcs = new Uint32Array(contents.length);
    let tapeCrc32 = 0;
    let at = range.start;
    for (const [n, { start, end }] of contents.entries()) {
      contentCrcs[n] = crc32(this.span(start, end));
      if (end - start < JOINED_BYTES) continue;
      tapeCrc32 = crc32Combine(crc32(this.span(at, start), tapeCrc32), contentCrcs[n], end - start);
      at = end;
    }
    return { contentCrcs, tapeCrc32: crc32(this.span(at, range.end), tapeCrc32) };
  }

  isDamaged(start: number, end: number): boolean {
    return this.#damaged.some((position) => {
      const { tapeOffset, tapeBytes } = this.#frames[position];
      return tapeOffset < end && tapeOffset + tapeBytes > start;
    });
  }
}
