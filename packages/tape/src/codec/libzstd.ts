import koffi, { type KoffiFunc } from 'koffi';

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

/**
 * The very libzstd that Node's zlib uses: Node exports the symbols of what it's linked with, and the system's library
 * has its own. Node's zlib offers no way to use one context, or one buffer, for many frames: it makes a context and
 * 4 MiB for each, for which the garbage collector goes through the heap, 40 times for each gigabyte compressed. Nor does
 * it take every parameter of zstd's. Undefined where a build of Node hides the symbols.
 */
export const libzstd = find();

function find(): Libzstd | undefined {
  try {
    const node = koffi.load(null);
    return {
      createCompression: node.func('void *ZSTD_createCCtx()'),
      setParameter: node.func('size_t ZSTD_CCtx_setParameter(void *, int, int)'),
      compress: node.func('size_t ZSTD_compress2(void *, void *, size_t, const void *, size_t)'),
      createDecompression: node.func('void *ZSTD_createDCtx()'),
      decompress: node.func('size_t ZSTD_decompressDCtx(void *, void *, size_t, const void *, size_t)'),
      isError: node.func('unsigned int ZSTD_isError(size_t)'),
    };
  } catch {
    return undefined;
  }
}
