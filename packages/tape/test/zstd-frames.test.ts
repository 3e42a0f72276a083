import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { randomBytes, randomText, seededRandom } from '../../../test/fixtures/random-tree.ts';
import { createCompressor, frameCompressor } from '../src/codec/zstd-frames.ts';
import { crc32 } from '../src/crc.ts';
import { FRAME_BYTES } from '../src/layout.ts';

/** Half noise, half text: something to compress and something not to. */
function sample(bytes: number): Buffer {
  const raw = randomFillSync(Buffer.alloc(bytes));
  return raw.fill('drift and tide, ', bytes >> 2, bytes - (bytes >> 2));
}

/** The whole-frame bound of docs/archive-format.md. */
const CHUNK_BYTES = 4_210_688;

/** What Node's zlib makes of the same bytes, level and flags. */
const zlibFrame = (raw: Buffer, level: number): Buffer =>
  zstdCompressSync(raw, {
    chunkSize: CHUNK_BYTES,
    pledgedSrcSize: raw.length,
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  });

describe('a zstd frame', () => {
  for (const level of [1, 9, 19])
    it(`has the bytes that Node's zlib gives, at level ${level}, with a context that was used before`, () => {
      const compress = frameCompressor(level);
      const sizes = level === 19 ? [1, 1_024, 300_000] : [1, 1_024, 100_000, FRAME_BYTES - 1, FRAME_BYTES];
      for (const size of sizes) {
        const raw = sample(size);
        assert.ok(Buffer.from(compress(raw)).equals(zlibFrame(raw, level)), `${size} bytes`);
      }
    });

  it('is the same, at level 3, with a context that was used before and with a new one', () => {
    const used = createCompressor(3);
    const raw = sample(FRAME_BYTES);
    for (const size of [100_000, FRAME_BYTES, 1]) used(sample(size));
    const frame = createCompressor(3)(raw);
    assert.ok(used(raw).equals(frame));
    assert.ok(zstdDecompressSync(frame).equals(raw));
  });

  it('has the bytes of the parameters that docs/archive-format.md names, at level 3', () => {
    const raw = randomText(seededRandom(3), FRAME_BYTES);
    // Where the statistics change within a block, a splitter cuts it.
    for (let at = 50_000; at < raw.length; at += 200_000) randomBytes(seededRandom(at), 30_000).copy(raw, at);
    // Of zstd 1.5.7, which is Node 26's: another number without any one of them.
    assert.equal(crc32(createCompressor(3)(raw)), 381_418_157);
  });

  it('is refused where zstd does not know a parameter', () => {
    assert.throws(() => createCompressor(3, { 987: 1 }), {
      code: 'BUILD_MISMATCH',
      message: /doesn't take 1 for its parameter 987: use the build of Node/,
    });
  });

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
