import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { frameCompressor, zlibCompressor } from '../src/codec/zstd-frames.ts';
import { FRAME_BYTES } from '../src/layout.ts';

/** Half noise, half text: something to compress and something not to. */
function sample(bytes: number): Buffer {
  const raw = randomFillSync(Buffer.alloc(bytes));
  return raw.fill('drift and tide, ', bytes >> 2, bytes - (bytes >> 2));
}

describe('a zstd frame', () => {
  for (const level of [1, 3, 9, 19]) {
    it(`has the bytes that Node's zlib gives, at level ${level}, with a context that was used before`, () => {
      const native = frameCompressor(level);
      const zlib = zlibCompressor(level);
      const sizes = level === 19 ? [1, 1_024, 300_000] : [1, 1_024, 100_000, FRAME_BYTES - 1, FRAME_BYTES];
      for (const size of sizes) {
        const raw = sample(size);
        assert.ok(Buffer.from(native(raw)).equals(zlib(raw)), `${size} bytes`);
      }
    });
  }

  it('decodes to what went in', () => {
    const compress = frameCompressor(3);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5_000 }), (bytes) => {
        const raw = Buffer.from(bytes);
        assert.ok(zstdDecompressSync(Buffer.from(compress(raw))).equals(raw));
      }),
    );
  });
});
