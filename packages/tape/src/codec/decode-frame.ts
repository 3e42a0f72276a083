import { promisify } from 'node:util';
import { constants, inflateRaw, inflateRawSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import type { Format } from '@longshore/shared';
import pLimit from 'p-limit';
import { type Context, type Libzstd, libzstd } from './libzstd.ts';

interface Decoder {
  sync(frame: Uint8Array, target: Uint8Array): boolean;
  /** Beside the event loop, where there is something to decode. */
  async(frame: Uint8Array, target: Uint8Array): Promise<boolean>;
}

/** More than the event loop's pool has threads, and far fewer calls than koffi allows at once, which are 256. */
const DECODED_AT_ONCE = 8;

/** With contexts that are used again: in a thread there are as many as frames are decoded at once. */
function byLibzstd({ createDecompression, decompress }: Libzstd): Decoder {
  const idle: Context[] = [];
  const limit = pLimit(DECODED_AT_ONCE);
  const decode: Decoder['async'] = (frame, target) => {
    const context = idle.pop() ?? createDecompression();
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    // koffi holds on to the function alone: what it uses isn't collected while another thread reads and writes it.
    decompress.async(context, target, target.length, frame, frame.length, (error, result) => {
      idle.push(context);
      if (error) reject(error);
      else resolve(frame.length > 0 && result === target.length);
    });
    return promise;
  };
  return {
    sync: (frame, target) => {
      const context = idle.pop() ?? createDecompression();
      const result = decompress(context, target, target.length, frame, frame.length);
      idle.push(context);
      return frame.length > 0 && result === target.length;
    },
    async: (frame, target) => limit(decode, frame, target),
  };
}

interface Limits {
  chunkSize: number;
  maxOutputLength: number;
}

/** In one piece, and never more than the frame is to have: what is damaged can't fill the memory. */
const limits = ({ length }: Uint8Array): Limits => ({
  chunkSize: Math.max(length, 64),
  maxOutputLength: length,
});

/** Whatever zlib fails with (a checksum, a bad block, too much of it), the frame isn't what was written. */
function byZlib(
  sync: (frame: Uint8Array, limits: Limits) => Uint8Array,
  async: (frame: Uint8Array, limits: Limits) => Promise<Uint8Array>,
): Decoder {
  return {
    sync: (frame, target) => {
      try {
        return fill(target, sync(frame, limits(target)));
      } catch {
        return false;
      }
    },
    async: async (frame, target) => {
      try {
        return fill(target, await async(frame, limits(target)));
      } catch {
        return false;
      }
    },
  };
}

function fill(target: Uint8Array, raw: Uint8Array): boolean {
  if (raw.length === target.length) target.set(raw);
  return raw.length === target.length;
}

const unzstd = promisify(zstdDecompress);
const inflate = promisify(inflateRaw);
const endless = { finishFlush: constants.Z_SYNC_FLUSH };

const DECODERS: Readonly<Record<Format, Decoder>> = {
  'tar.zst': libzstd ? byLibzstd(libzstd) : byZlib(zstdDecompressSync, unzstd),
  'tar.gz': byZlib(
    (frame, options) => inflateRawSync(frame, { ...options, ...endless }),
    (frame, options) => inflate(frame, { ...options, ...endless }),
  ),
  tar: { sync: (frame, target) => fill(target, frame), async: async (frame, target) => fill(target, frame) },
};

/**
 * Fills `target`, which is as long as the piece of the tape that a frame holds (docs/archive-format.md, section 3).
 * False where the frame is damaged, or holds another number of bytes; what `target` has then is of no use.
 */
export function decodeFrameSync(format: Format, frame: Uint8Array, target: Uint8Array): boolean {
  return DECODERS[format].sync(frame, target);
}

/** As `decodeFrameSync`, beside the event loop: nobody may touch `frame` or `target` until it's done. */
export function decodeFrame(format: Format, frame: Uint8Array, target: Uint8Array): Promise<boolean> {
  return DECODERS[format].async(frame, target);
}
