import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { DirectoryNames } from '../src/directory-names.ts';
import { sortNames } from '../src/directory-order.ts';

const byte = fc.oneof(fc.constantFrom(0x61, 0x61, 0x62, 0x2f, 0xff), fc.integer({ min: 1, max: 255 }));
const name = fc.array(byte, { minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes));

describe('sortNames', () => {
  it('puts names into bytewise order, long common prefixes and repeated names included', () => {
    fc.assert(
      fc.property(fc.array(name, { maxLength: 300 }), fc.nat(60), (names, prefix) => {
        const all = names.map((tail) => Buffer.concat([Buffer.alloc(prefix, 'p'), tail]));
        const bytes = Buffer.concat(all.flatMap((each) => [each, Buffer.from([0])]));
        const starts = new Uint32Array(all.length);
        for (let i = 1; i < all.length; i++) starts[i] = starts[i - 1] + all[i - 1].length + 1;
        sortNames(bytes, starts);
        const sorted = Array.from(starts, (start) => bytes.subarray(start, bytes.indexOf(0, start)));
        assert.deepEqual(sorted, all.sort(Buffer.compare));
      }),
      { numRuns: 300 },
    );
  });
});

describe('DirectoryNames', () => {
  it('finds the place of names that are there and of names that are not', () => {
    const dir = mkdtempSync(join(tmpdir(), 'longshore-names-'));
    const fd = openSync(dir, 'r');
    try {
      for (const each of ['b', 'bb', 'd', '\u00e9']) writeFileSync(join(dir, each), '');
      const names = DirectoryNames.read(fd);
      assert.ok(names instanceof DirectoryNames);
      const places = ['a', 'b', 'ba', 'bb', 'bbb', 'c', 'd', 'e', '\u00e9', '\u00ff'].map((each) => {
        const bytes = Buffer.from(each);
        return [names.firstFrom(bytes), names.isAt(names.firstFrom(bytes), bytes)];
      });
      assert.deepEqual(places, [
        [0, false],
        [0, true],
        [1, false],
        [1, true],
        [2, false],
        [2, false],
        [2, true],
        [3, false],
        [3, true],
        [4, false],
      ]);
    } finally {
      closeSync(fd);
      rmSync(dir, { recursive: true });
    }
  });
});
