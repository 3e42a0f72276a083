import { constants, zstdCompressSync } from 'node:zlib';
import { FRAME_BYTES } from '../layout.ts';
import { SeekTable } from '../seek-table.ts';
import type { Codec, FrameSize } from './codec.ts';
import { isZeroFrame, zeroBytes } from './zeros.ts';

/**
 * zstd's output buffer, room for a whole frame's worst case (ZSTD_compressBound: 1/256 more). Never change it:
 * with another one zstd gives other bytes; and with Node's default of 16 KiB it takes twice the time.
 */
const OUTPUT_BYTES = FRAME_BYTES + FRAME_BYTES / 256;

/** A skippable frame (RFC 8878, 3.1.2) whose contents nobody reads; the seek table has another magic number. */
const PADDING_MAGIC = 0x184d2a50;
const PADDING_HEADER_BYTES = 8;

/** `tar.zst`: zstd frames one after the other (RFC 8878), then a seek table. */
export class ZstdCodec implements Codec {
  readonly format = 'tar.zst';
  readonly level: number;
  readonly prologue = Buffer.alloc(0);
  readonly paddingUnit = PADDING_HEADER_BYTES;
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
    const padding = Buffer.alloc(Math.ceil(bytes / this.paddingUnit) * this.paddingUnit);
    padding.writeUInt32LE(PADDING_MAGIC, 0);
    padding.writeUInt32LE(padding.length - PADDING_HEADER_BYTES, 4);
    yield padding;
  }

  *tail(frames: Iterable<FrameSize>): Iterable<Buffer> {
    const table = new SeekTable();
    for (const frame of frames) table.add(frame);
    yield* table.encode();
  }

  #frame(raw: Buffer): Buffer {
    return zstdCompressSync(raw, {
      chunkSize: OUTPUT_BYTES,
      pledgedSrcSize: raw.length,
      params: {
        [constants.ZSTD_c_compressionLevel]: this.level,
        [constants.ZSTD_c_contentSizeFlag]: 1,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
    });
  }
}
