import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import type { Format } from '@longshore/shared';

type Decode = (frame: Uint8Array, maxOutputLength: number) => Uint8Array;

/** docs/archive-format.md, section 3. */
const DECODE: Readonly<Record<Format, Decode>> = {
  'tar.zst': (frame, maxOutputLength) =>
    zstdDecompressSync(frame, { maxOutputLength, chunkSize: outputBytes(maxOutputLength) }),
  'tar.gz': (frame, maxOutputLength) =>
    inflateRawSync(frame, {
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength,
      chunkSize: outputBytes(maxOutputLength),
    }),
  tar: (frame) => frame,
};

/** One buffer for the whole output: with zlib's 16 KiB it takes twice the time. Zlib takes none below 64 bytes. */
const outputBytes = (bytes: number) => Math.max(64, bytes);

/** The `tapeBytes` bytes of the tape that a frame holds; undefined where it doesn't, because it is damaged. */
export function decodeFrame(format: Format, frame: Uint8Array, tapeBytes: number): Uint8Array | undefined {
  try {
    const raw = DECODE[format](frame, tapeBytes);
    return raw.length === tapeBytes ? raw : undefined;
  } catch {
    // Whatever zlib and zstd say of it (a checksum, a bad block, too much of it): it isn't what was written.
    return undefined;
  }
}
