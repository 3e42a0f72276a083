import { constants } from 'node:zlib';
import { TapeError } from '../error.ts';
import { FRAME_BYTES } from '../layout.ts';
import { libzstd } from './libzstd.ts';

/** Room for a whole frame's worst case (ZSTD_compressBound: 1/256 more). */
const OUTPUT_BYTES = FRAME_BYTES + FRAME_BYTES / 256;

/** ZSTD_c_blockSplitterLevel, which is ZSTD_c_experimentalParam20 in zstd.h; 1 is none. */
const BLOCK_SPLITTER_LEVEL = 1_017;

/**
 * The default level, fitted to frames of 4 MiB: a window of the whole frame, a table of short matches that the cache
 * next to the core holds, and blocks that aren't split before they're compressed. A sixth less time than with zstd's
 * own parameters, which are made for any length, and as many bytes within a hundredth: measured in
 * docs/adr/0021-level-3-fitted-to-frames.md.
 */
const FITTED: ReadonlyMap<number, Record<number, number>> = new Map([
  [
    3,
    {
      [constants.ZSTD_c_windowLog]: Math.log2(FRAME_BYTES),
      [constants.ZSTD_c_chainLog]: 13,
      [BLOCK_SPLITTER_LEVEL]: 1,
    },
  ],
]);

/** Every parameter that the bytes depend on. */
function parametersOf(level: number): Record<number, number> {
  return {
    [constants.ZSTD_c_compressionLevel]: level,
    ...FITTED.get(level),
    [constants.ZSTD_c_contentSizeFlag]: 1,
    [constants.ZSTD_c_checksumFlag]: 1,
  };
}

/** Makes one zstd frame of up to FRAME_BYTES; the result may be overwritten by the next call. */
export type FrameCompressor = (raw: Buffer) => Buffer;

/**
 * A compressor that keeps its context and its output buffer, for as long as the thread lives. Throws BUILD_MISMATCH where
 * this Node's zstd can't be reached, or doesn't know a parameter.
 */
export function createCompressor(level: number, parameters = parametersOf(level)): FrameCompressor {
  if (!libzstd) throw unfit("can't be reached");
  const { createCompression, setParameter, compress, isError } = libzstd;
  const context = createCompression();
  for (const [parameter, value] of Object.entries(parameters)) {
    const answer = setParameter(context, Number(parameter), value);
    if (isError(answer)) throw unfit(`doesn't take ${value} for its parameter ${parameter}`);
  }
  const output = Buffer.alloc(OUTPUT_BYTES);
  return (raw) => {
    const bytes = compress(context, output, output.length, raw, raw.length);
    if (isError(bytes)) throw new TapeError('IO', `zstd gave up on a frame of ${raw.length} bytes.`);
    return output.subarray(0, bytes);
  };
}

function unfit(why: string): TapeError {
  const message = `The zstd of ${process.execPath}, ${process.versions.zstd}, ${why}: use the build of Node that package.json names.`;
  return new TapeError('BUILD_MISMATCH', message);
}

const compressors = new Map<number, FrameCompressor>();

/** This thread's compressor of a level. */
export function frameCompressor(level: number): FrameCompressor {
  const known = compressors.get(level);
  if (known) return known;
  const compressor = createCompressor(level);
  compressors.set(level, compressor);
  return compressor;
}
