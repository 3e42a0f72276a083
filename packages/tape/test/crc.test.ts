import assert from 'node:assert/strict';
import fc from 'fast-check';
import { crc32, crc32Combine, crc32Zeros } from '../src/crc.ts';

const bytes = () => fc.uint8Array({ maxLength: 2_000 }).map((array) => Buffer.from(array));

describe('crc32Combine', () => {
  it('gives the CRC of both pieces together', () => {
    fc.assert(
      fc.property(bytes(), bytes(), (a, b) => {
        assert.equal(crc32Combine(crc32(a), crc32(b), b.length), crc32(Buffer.concat([a, b])));
      }),
    );
  });

  it('holds for a piece that is longer than 4 GiB', () => {
    const half = crc32Zeros(0, 3 * 2 ** 32 + 5);
    assert.equal(crc32Combine(half, half, 3 * 2 ** 32 + 5), crc32Zeros(0, 6 * 2 ** 32 + 10));
  });

  it('joins any number of pieces, in any grouping', () => {
    fc.assert(
      fc.property(bytes(), bytes(), bytes(), (a, b, c) => {
        const right = crc32Combine(crc32(b), crc32(c), c.length);
        assert.equal(crc32Combine(crc32(a), right, b.length + c.length), crc32(Buffer.concat([a, b, c])));
      }),
    );
  });
});

describe('crc32Zeros', () => {
  it('is the CRC with zeros appended', () => {
    fc.assert(
      fc.property(bytes(), fc.nat(5_000), (data, length) => {
        assert.equal(crc32Zeros(crc32(data), length), crc32(Buffer.alloc(length), crc32(data)));
      }),
    );
  });

  it('holds for a length that no buffer has', () => {
    const mebibyte = Buffer.alloc(2 ** 20);
    let crc = crc32('start');
    for (let n = 0; n < 4_097; n += 1) crc = crc32(mebibyte, crc);
    assert.equal(crc32Zeros(crc32('start'), 4_097 * 2 ** 20), crc);
  });
});
