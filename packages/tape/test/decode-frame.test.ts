import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { FORMATS } from '@longshore/shared';
import { createCodec } from '../src/codec/codec.ts';
import { decodeFrame, decodeFrameSync } from '../src/codec/decode-frame.ts';
import { FRAME_BYTES } from '../src/layout.ts';

/** Half noise, half zeros. */
function sample(bytes: number): Buffer {
  const raw = Buffer.alloc(bytes);
  return randomFillSync(raw, 0, bytes >> 1);
}

/** More than koffi allows. */
const AT_ONCE = 300;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

const WAYS = {
  sync: async (...given: Parameters<typeof decodeFrameSync>) => decodeFrameSync(...given),
  'beside the event loop': decodeFrame,
};

for (const [way, decode] of Object.entries(WAYS))
  describe(`decoding a frame, ${way}`, () => {
    for (const format of FORMATS) {
      const codec = createCodec(format, format === 'tar.gz' ? 6 : 3);
      const encoded = (raw: Buffer) => Buffer.from(codec.compress(raw));

      it(`fills a part of a buffer with what went in, and nothing beside it (${format})`, async () => {
        for (const bytes of [512, 100_000, FRAME_BYTES]) {
          const raw = sample(bytes);
          const around = Buffer.alloc(bytes + 20, 'x');
          const within = Buffer.concat([Buffer.from('before'), encoded(raw), Buffer.from('after')]);
          const target = around.subarray(10, -10);
          assert.equal(await decode(format, within.subarray(6, -5), target), true);
          assert.ok(target.equals(raw));
          assert.equal(`${around.subarray(0, 10)}${around.subarray(-10)}`, 'x'.repeat(20));
        }
      });

      it(`refuses one of another length (${format})`, async () => {
        const frame = encoded(sample(4_096));
        for (const bytes of [0, 1, 4_095, 4_097, 8_192])
          assert.equal(await decode(format, frame, Buffer.alloc(bytes)), false, `${bytes}`);
      });

      it(`decodes many at once (${format})`, async () => {
        const raws = Array.from({ length: AT_ONCE }, (_, n) => sample(50_000 + n));
        const targets = raws.map(({ length }) => Buffer.alloc(length));
        // Nobody but the decoder has the frames.
        const decoding = raws.map((raw, n) => decode(format, encoded(raw), targets[n]));
        collectGarbage();
        assert.deepEqual(await Promise.all(decoding), Array(AT_ONCE).fill(true));
        for (const [n, raw] of raws.entries()) assert.ok(targets[n].equals(raw));
      });
    }

    for (const format of ['tar.zst', 'tar.gz'] as const)
      it(`refuses what is cut, and what isn't a frame, and goes on (${format})`, async () => {
        const raw = sample(100_000);
        const frame = Buffer.from(createCodec(format, 3).compress(raw));
        const target = Buffer.alloc(raw.length);
        for (const damaged of [frame.subarray(0, -9), sample(5_000), Buffer.alloc(0)])
          assert.equal(await decode(format, damaged, target), false);
        assert.equal(await decode(format, frame, target), true);
        assert.ok(target.equals(raw));
      });

    it('refuses a zstd frame with a flipped bit', async () => {
      const raw = sample(100_000);
      const frame = Buffer.from(createCodec('tar.zst', 3).compress(raw));
      for (let at = 0; at < frame.length; at += 1_009) {
        frame[at] ^= 4;
        assert.equal(await decode('tar.zst', frame, Buffer.alloc(raw.length)), false, `byte ${at}`);
        frame[at] ^= 4;
      }
    });
  });
