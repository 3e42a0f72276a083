import { promisify } from 'node:util';
import { constants, inflateRaw, zstdDecompress } from 'node:zlib';
import type { Format } from '@longshore/shared';
import { TapeError } from '../error.ts';

const unzstd = promisify(zstdDecompress);
const inflate = promisify(inflateRaw);

type Decode = (frame: Buffer, rawBytes: number) => Promise<Buffer>;

/** In one piece, and never more than the frame is to have: what is damaged can't fill the memory. */
const limits = (rawBytes: number) => ({ chunkSize: Math.max(rawBytes, 64), maxOutputLength: rawBytes });

const DECODE: Readonly<Record<Format, Decode>> = {
  'tar.zst': (frame, rawBytes) => unzstd(frame, limits(rawBytes)),
  'tar.gz': (frame, rawBytes) => inflate(frame, { ...limits(rawBytes), finishFlush: constants.Z_SYNC_FLUSH }),
  tar: async (frame) => frame,
};

/**
 * The bytes of the tape that a frame holds, decoded beside the event loop. Rejects with CORRUPT where the frame is
 * damaged, or has another number of bytes than `rawBytes`.
 */
export async function decodeFrame(format: Format, frame: Buffer, rawBytes: number): Promise<Buffer> {
  try {
    const raw = await DECODE[format](frame, rawBytes);
    if (raw.length === rawBytes) return raw;
  } catch (cause) {
    throw damaged(cause);
  }
  throw damaged();
}

function damaged(cause?: unknown): TapeError {
  return new TapeError('CORRUPT', 'A frame of the archive is damaged; verify the archive.', { cause });
}
