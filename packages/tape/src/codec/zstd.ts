import { FRAME_BYTES } from '../layout.ts';
import { SeekTable } from '../seek-table.ts';
import type { Codec, FrameSize } from './codec.ts';
import { isZeroFrame, zeroBytes } from './zeros.ts';
import { type FrameCompressor, frameCompressor } from './zstd-frames.ts';

/** A skippable frame (RFC 8878, 3.1.2) whose contents nobody reads; the seek table has another magic number. */
const PADDING_MAGIC = 0x184d2a50;
const PADDING_HEADER_BYTES = 8;

/** `tar.zst`: zstd frames one after the other (RFC 8878), then a seek table. */
export class ZstdCodec implements Codec {
  readonly format = 'tar.zst';
  readonly level: number;
  readonly prologue = Buffer.alloc(0);
  readonly paddingUnit = PADDING_HEADER_BYTES;
  readonly #compress: FrameCompressor;
  #zeroFrame: Buffer | undefined;

  constructor(level: number) {
    this.level = level;
    this.#compress = frameCompressor(level);
  }

  compress(raw: Buffer): Buffer {
    return isZeroFrame(raw) ? this.zeros(FRAME_BYTES) : this.#compress(raw);
  }

  zeros(bytes: number): Buffer {
    if (bytes !== FRAME_BYTES) return this.#compress(zeroBytes(bytes));
    this.#zeroFrame ??= Buffer.from(this.#compress(zeroBytes(FRAME_BYTES)));
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
}
