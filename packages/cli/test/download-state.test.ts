import assert from 'node:assert/strict';
import fc from 'fast-check';
import { covers, withRange } from '../src/download/state-file.ts';

describe('the ranges of a download that are there', () => {
  it('are one where they touch, in whatever order they came', () => {
    const pieces = fc.shuffledSubarray(Array.from({ length: 20 }, (_, piece) => piece));
    fc.assert(
      fc.property(pieces, (order) => {
        const range = (piece: number) => ({ start: piece * 10, end: piece * 10 + 10 });
        const ranges = order.reduce<{ start: number; end: number }[]>(
          (all, piece) => withRange(all, range(piece)),
          [],
        );
        for (let piece = 0; piece < 20; piece++)
          assert.equal(covers(ranges, range(piece)), order.includes(piece));
        for (const [at, { start }] of ranges.entries()) if (at > 0) assert.ok(start > ranges[at - 1].end);
      }),
    );
  });
});
