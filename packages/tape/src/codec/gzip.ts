import { constants, deflateRawSync } from 'node:zlib';
import { FRAME_BYTES } from '../layout.ts';
import type { Codec, FrameSize, TapeTotal } from './codec.ts';
import { isZeroFrame, zeroBytes } from './zeros.ts';

/** Above the worst case of a frame, 1,290 bytes more than its raw ones: one that fills it is flushed twice. */
const OUTPUT_BYTES = FRAME_BYTES + 16 * 1024;

/** RFC 1952, 2.3: deflate, no flags, no time, no hint at the level, operating system unknown (255). */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

/** An empty stored block that isn't the last (RFC 1951, 3.2.4), on a byte boundary as every frame's end is. */
const EMPTY_BLOCK = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

/** The last block, empty, with fixed Huffman codes (RFC 1951, 3.2.6): ends the one deflate stream. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

/**
 * `tar.gz`: one gzip member over all frames, because many readers stop after the first. A frame is deflate
 * blocks that refer to nothing before them, ended on a byte boundary by a sync flush and never "the last".
 */
export class GzipCodec implements Codec {
  readonly format = 'tar.gz';
  readonly level: number;
  readonly prologue = HEADER;
  readonly paddingUnit = EMPTY_BLOCK.length;
  #zeroFrame: Buffer | undefined;

  constructor(level: number) {
    this.level = level;
  }

  compress(raw: Buffer): Buffer {
    return isZeroFrame(raw) ? this.zeros(FRAME_BYTES) : this.#frame(raw);
  }

  zeros(bytes: number): Buffer {
    if (bytes !== FRAME_BYTES) return this.#frame(zeroBytes(bytes));
    this.#zeroFrame ??= Buffer.from(this.#frame(zeroBytes(FRAME_BYTES)));
    return this.#zeroFrame;
  }

  *padding(bytes: number): Iterable<Buffer> {
    if (bytes <= 0) return;
    yield Buffer.alloc(Math.ceil(bytes / this.paddingUnit) * this.paddingUnit, EMPTY_BLOCK);
  }

  /** RFC 1952, 2.3.1: CRC-32, and the size modulo 2^32. */
  *tail(_frames: Iterable<FrameSize>, { crc32, tapeBytes }: TapeTotal): Iterable<Buffer> {
    const check = Buffer.alloc(8);
    check.writeUInt32LE(crc32, 0);
    check.writeUInt32LE(tapeBytes % 2 ** 32, 4);
    yield Buffer.concat([LAST_BLOCK, check]);
  }

  #frame(raw: Buffer): Buffer {
    return deflateRawSync(raw, {
      level: this.level,
      chunkSize: OUTPUT_BYTES,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
  }
}
