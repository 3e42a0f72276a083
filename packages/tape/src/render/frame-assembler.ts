import type { Codec } from '../codec/codec.ts';
import { crc32, crc32Combine, crc32Zeros } from '../crc.ts';
import { FRAME_BYTES } from '../layout.ts';

export interface FrameSink {
  /** Takes one compressed frame; the buffer is the sink's only until it returns. */
  frame(compressed: Buffer): void;
}

/** Joining two CRCs takes as long as hashing 8 KiB. */
const COMBINED_BYTES = 16 * 2 ** 10;

/**
 * Cuts a stream of tape bytes into frames and compresses each. One raw buffer of a frame is all the memory
 * that it needs. A frame of zeros is neither compressed nor, where it comes from a hole, written to memory;
 * its bytes are the same as if it had been.
 */
export class FrameAssembler {
  readonly sizes: number[] = [];
  /** CRC-32 of everything that was framed, and its length. */
  crc = 0;
  bytes = 0;
  #codec: Codec;
  #sink: FrameSink;
  #raw: Buffer;
  #fill = 0;
  /** How far the frame is in `crc` already. */
  #hashed = 0;

  constructor({ codec, sink, raw }: { codec: Codec; sink: FrameSink; raw: Buffer }) {
    this.#codec = codec;
    this.#sink = sink;
    this.#raw = raw;
  }

  append(data: Buffer): void {
    for (let at = 0; at < data.length; ) {
      const copied = data.copy(this.#raw, this.#fill, at);
      at += copied;
      this.#advance(copied);
    }
  }

  zeros(count: number): void {
    for (let left = count; left > 0; ) {
      const step = Math.min(left, FRAME_BYTES - this.#fill);
      left -= step;
      if (step === FRAME_BYTES) this.#emitZeros();
      else {
        this.#raw.fill(0, this.#fill, this.#fill + step);
        this.#advance(step);
      }
    }
  }

  /**
   * Lets `fill` write up to `limit` bytes straight into the frame. It says how many it wrote; returned is
   * their number and their CRC-32, continued from `crc`.
   */
  read(limit: number, crc: number, fill: (target: Buffer) => number): { bytes: number; crc: number } {
    const target = this.#raw.subarray(this.#fill, Math.min(FRAME_BYTES, this.#fill + limit));
    const bytes = fill(target);
    if (bytes === 0) return { bytes, crc };
    const continued = this.#hash(target.subarray(0, bytes), crc);
    this.#advance(bytes);
    return { bytes, crc: continued };
  }

  /** Frames what is left. */
  finish(): void {
    if (this.#fill > 0) this.#emit();
  }

  /** The CRC of what comes next in the frame, continued from `crc`. Large pieces aren't hashed again for the item's. */
  #hash(piece: Buffer, crc: number): number {
    if (piece.length < COMBINED_BYTES) return crc32(piece, crc);
    this.#hashUpTo(this.#fill);
    const own = crc32(piece);
    this.crc = crc32Combine(this.crc, own, piece.length);
    this.#hashed += piece.length;
    return crc32Combine(crc, own, piece.length);
  }

  #hashUpTo(end: number): void {
    this.crc = crc32(this.#raw.subarray(this.#hashed, end), this.crc);
    this.#hashed = end;
  }

  #advance(bytes: number): void {
    this.#fill += bytes;
    if (this.#fill === FRAME_BYTES) this.#emit();
  }

  #emit(): void {
    this.#hashUpTo(this.#fill);
    const raw = this.#raw.subarray(0, this.#fill);
    this.bytes += raw.length;
    this.#give(this.#codec.compress(raw));
    this.#fill = 0;
    this.#hashed = 0;
  }

  #emitZeros(): void {
    this.crc = crc32Zeros(this.crc, FRAME_BYTES);
    this.bytes += FRAME_BYTES;
    this.#give(this.#codec.zeros(FRAME_BYTES));
  }

  #give(compressed: Buffer): void {
    this.sizes.push(compressed.length);
    this.#sink.frame(compressed);
  }
}
