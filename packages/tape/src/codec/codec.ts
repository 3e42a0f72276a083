import type { Build, Format } from '@longshore/shared';
import { GzipCodec } from './gzip.ts';
import { StoreCodec } from './store.ts';
import { ZstdCodec } from './zstd.ts';

/** Bytes of one frame, or of one piece of padding, which has no raw bytes. */
export interface FrameSize {
  raw: number;
  compressed: number;
}

/** What a tail says about all that is before it. */
export interface TapeTotal {
  /** Every byte of the tape, the trailer included. */
  tapeBytes: number;
  /** CRC-32 of these. */
  crc32: number;
}

/**
 * Turns frames of the tape into the bytes of one archive format. The archive is
 *
 *     prologue, frames in the tape's order with padding between any two of them, tail
 *
 * and each frame is made alone, synchronously, from nothing but its raw bytes, the level and this build of
 * zlib and zstd: any worker makes the same one.
 */
export interface Codec {
  readonly format: Format;
  readonly level: number;

  /** What stands before the first frame; empty in most formats. The same for every archive. */
  readonly prologue: Buffer;

  /**
   * The frame of 1 to FRAME_BYTES raw bytes. It may be a view of `raw` itself (`tar`) or of a buffer that is
   * used again (by the next call in this thread, or for every frame of zeros): copy it before, and never write
   * to it.
   */
  compress(raw: Buffer): Buffer;

  /** What `compress` gives for `bytes` zeros, without having them; that of FRAME_BYTES is kept. Copy it, too. */
  zeros(bytes: number): Buffer;

  /** Padding comes in multiples of this many bytes; 0 in a format that has none. */
  readonly paddingUnit: number;

  /**
   * `bytes`, rounded up to a multiple of `paddingUnit`, of what every reader skips; nothing for 0. It may stand
   * after the prologue, between frames and before the tail. Throws RangeError in a format without padding.
   */
  padding(bytes: number): Iterable<Buffer>;

  /**
   * What stands behind the last frame. `frames` are all of the archive's frames and paddings, in order; they
   * are gone through once, and 8 bytes each are held (86 MB at the longest tape).
   */
  tail(frames: Iterable<FrameSize>, total: TapeTotal): Iterable<Buffer>;
}

const CODECS: Readonly<Record<Format, new (level: number) => Codec>> = {
  'tar.zst': ZstdCodec,
  'tar.gz': GzipCodec,
  tar: StoreCodec,
};

/** The codec of a format; `level` is one of the format's `LEVELS`, and `tar` ignores it. */
export function createCodec(format: Format, level: number): Codec {
  return new CODECS[format](level);
}

/** The programs whose versions are part of the archive's bytes, as they run here. */
export function thisBuild(longshore: string): Build {
  const { node, zlib, zstd } = process.versions;
  return { longshore, node, zlib: zlib ?? 'none', zstd: zstd ?? 'none' };
}
