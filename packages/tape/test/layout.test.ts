import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import fc from 'fast-check';
import { createCodec } from '../src/codec/codec.ts';
import {
  FRAME_BYTES,
  itemAt,
  itemRange,
  MAX_ITEMS,
  MAX_TAPE_BYTES,
  PART_MAX_BYTES,
  padded,
} from '../src/layout.ts';

const MiB = 2 ** 20;
const itemBytes = (item: number) => itemRange(item).end - itemRange(item).start;

describe('the layout of items', () => {
  it('has 64 MiB items first, doubles every 125, and stops at 1,275 frames', () => {
    const sizes = [0, 999, 1000, 1124, 1125, 1250, 1375, 1500, 1625, 1749, 1750, 9998].map(itemBytes);
    assert.deepEqual(
      sizes.map((bytes) => bytes / MiB),
      [64, 64, 128, 128, 256, 512, 1024, 2048, 4096, 4096, 5100, 5100],
    );
  });

  it('reaches 41 TiB without a gap, on frame boundaries', () => {
    let end = 0;
    for (let item = 0; item < MAX_ITEMS; item += 1) {
      const range = itemRange(item);
      assert.equal(range.start, end);
      assert.equal(range.end % FRAME_BYTES, 0);
      end = range.end;
    }
    assert.equal(end, MAX_TAPE_BYTES);
    assert.equal(Math.floor(end / 2 ** 40), 41);
  });

  it('finds the item of every offset', () => {
    fc.assert(
      fc.property(fc.nat(MAX_ITEMS - 1), fc.nat(FRAME_BYTES - 1), (item, within) => {
        const { start, end } = itemRange(item);
        assert.deepEqual([itemAt(start + within), itemAt(end - 1 - within)], [item, item]);
      }),
    );
  });

  it('refuses what is beyond the last item', () => {
    assert.throws(() => itemRange(MAX_ITEMS), { code: 'TAPE_TOO_LONG' });
    assert.throws(() => itemRange(-1), { code: 'TAPE_TOO_LONG' });
    assert.throws(() => itemAt(MAX_TAPE_BYTES), { code: 'TAPE_TOO_LONG' });
  });

  it('pads to whole blocks', () => {
    assert.deepEqual([0, 1, 512, 513, 2 ** 43 + 1].map(padded), [0, 512, 512, 1024, 2 ** 43 + 512]);
  });

  for (const [format, worst] of [
    ['tar.zst', 110],
    ['tar.gz', 1_290],
    ['tar', 0],
  ] as const) {
    it(`keeps the largest part of incompressible ${format} below 5 GiB`, () => {
      const codec = createCodec(format, 6);
      const frame = codec.compress(randomFillSync(Buffer.alloc(FRAME_BYTES)));
      assert.ok(frame.length <= FRAME_BYTES + worst, `${frame.length - FRAME_BYTES} bytes more`);
      const frames = itemBytes(MAX_ITEMS - 1) / FRAME_BYTES;
      assert.ok(codec.prologue.length + frames * (FRAME_BYTES + worst) <= PART_MAX_BYTES);
    });
  }
});
