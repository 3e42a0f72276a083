import koffi, { type KoffiFunc } from 'koffi';
import { TapeError } from '../error.ts';

/** A `ZSTD_CCtx` or a `ZSTD_DCtx`. Whoever makes one keeps it as long as the thread lives. */
export type Context = unknown;

type Decompress = (
  context: Context,
  target: Uint8Array,
  capacity: number,
  source: Uint8Array,
  bytes: number,
) => number;

/** Functions of zstd.h. */
export interface Libzstd {
  createCompression(): Context;
  setParameter(context: Context, parameter: number, value: number): number;
  compress(context: Context, target: Buffer, capacity: number, source: Buffer, bytes: number): number;
  createDecompression(): Context;
  decompress: KoffiFunc<Decompress>;
  isError(result: number): number;
}

let found: Libzstd | undefined;

/**
 * The very libzstd that Node's zlib uses: Node exports the symbols of what it's linked with. Its zlib offers no way
 * to use one context, or one buffer, for many frames: it makes a context and 4 MiB for each, for which the garbage
 * collector goes through the heap, 40 times for each gigabyte compressed. Nor does it take every parameter of zstd's.
 * Throws BUILD_MISMATCH where a build of Node exports none, as one that is linked with the system's does.
 */
export function libzstd(): Libzstd {
  found ??= find();
  return found;
}

function find(): Libzstd {
  const node = koffi.load(null);
  try {
    return {
      createCompression: node.func('void *ZSTD_createCCtx()'),
      setParameter: node.func('size_t ZSTD_CCtx_setParameter(void *, int, int)'),
      compress: node.func('size_t ZSTD_compress2(void *, void *, size_t, const void *, size_t)'),
      createDecompression: node.func('void *ZSTD_createDCtx()'),
      decompress: node.func('size_t ZSTD_decompressDCtx(void *, void *, size_t, const void *, size_t)'),
      isError: node.func('unsigned int ZSTD_isError(size_t)'),
    };
  } catch (cause) {
    const message = `${process.execPath} doesn't export the functions of zstd: use the build of Node that package.json names.`;
    throw new TapeError('BUILD_MISMATCH', message, { cause });
  }
}
