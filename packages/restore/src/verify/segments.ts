import { crc32Combine } from '@longshore/tape';
import { overlap, type Span } from '../archive/span.ts';

/** An archive's segments as its manifest has them. */
export type Segments = readonly { bytes: number; crc32: string }[];

/** Their spans of the archive. */
export function spansOf(segments: Segments): Span[] {
  let at = 0;
  return segments.map(({ bytes }) => {
    const start = at;
    at += bytes;
    return { start, end: at };
  });
}

/** The pieces of them that are in one span of the archive. */
export class SegmentCursor {
  readonly #spans: readonly Span[];
  #first = 0;

  constructor(segments: Segments) {
    this.#spans = spansOf(segments);
  }

  /** Spans must come in the archive's order. */
  within(span: Span): Span[] {
    while (this.#first < this.#spans.length && this.#spans[this.#first].end <= span.start) this.#first += 1;
    const pieces: Span[] = [];
    for (let n = this.#first; n < this.#spans.length && this.#spans[n].start < span.end; n += 1) {
      const piece = overlap(this.#spans[n], span);
      if (piece) pieces.push(piece);
    }
    return pieces;
  }
}

/** Compares the segments' CRC-32, put together from pieces in the archive's order. */
export class SegmentTally {
  /** Numbers, from 0, of those that differ. */
  readonly damaged: number[] = [];
  readonly #segments: Segments;
  readonly #spans: readonly Span[];
  #number = 0;
  #crc32 = 0;

  constructor(segments: Segments) {
    this.#segments = segments;
    this.#spans = spansOf(segments);
  }

  add(pieces: readonly Span[], crcs: Uint32Array): void {
    for (const [n, { start, end }] of pieces.entries()) {
      this.#crc32 = crc32Combine(this.#crc32, crcs[n], end - start);
      if (end === this.#spans[this.#number].end) this.#endSegment();
    }
  }

  #endSegment(): void {
    if (this.#crc32 !== Number.parseInt(this.#segments[this.#number].crc32, 16))
      this.damaged.push(this.#number);
    this.#number += 1;
    this.#crc32 = 0;
  }
}
