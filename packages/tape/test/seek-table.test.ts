import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readSeekTable, SEEK_TABLE_FOOTER_BYTES, SeekTable, seekTableBytes } from '../src/seek-table.ts';

const size = fc.record(
  { raw: fc.nat(4 * 2 ** 20), compressed: fc.integer({ min: 1, max: 2 ** 32 - 1 }) },
  { noNullPrototype: true },
);

function tableOf(frames: { raw: number; compressed: number }[]): Buffer {
  const table = new SeekTable();
  for (const frame of frames) table.add(frame);
  return Buffer.concat([...table.encode()]);
}

describe('the seek table', () => {
  it('is read as it was written, from an end of the archive that holds it', () => {
    fc.assert(
      fc.property(fc.array(size), fc.uint8Array({ maxLength: 100 }), (frames, before) => {
        const table = tableOf(frames);
        assert.deepEqual([...readSeekTable(Buffer.concat([before, table]))], frames);
        assert.equal(seekTableBytes(table.subarray(-SEEK_TABLE_FOOTER_BYTES)), table.length);
      }),
    );
  });

  it('goes on past its first mebibyte', () => {
    const frames = Array.from({ length: 131_073 }, (_, n) => ({ raw: n, compressed: n + 1 }));
    assert.deepEqual([...readSeekTable(tableOf(frames))], frames);
  });

  it('has the layout of the zstd seekable format', () => {
    const table = tableOf([{ raw: 0x400000, compressed: 0x1234 }]);
    assert.equal(
      table.toString('hex'),
      ['5e2a4d18', '11000000', '34120000', '00004000', '01000000', '00', 'b1ea928f'].join(''),
    );
  });

  for (const [what, damage] of Object.entries({
    'another magic number at the end': (table: Buffer) => table.fill(0, table.length - 4),
    'another magic number at the start': (table: Buffer) => table.fill(0, 0, 4),
    'a size that is not its own': (table: Buffer) => table.fill(1, 4, 8),
    checksums: (table: Buffer) => table.fill(0x80, table.length - 5, table.length - 4),
    'more frames than bytes': (table: Buffer) => table.fill(1, table.length - 9, table.length - 8),
    nothing: (table: Buffer) => table.subarray(0, 0),
  })) {
    it(`is refused with ${what}`, () => {
      const damaged = damage(tableOf([]));
      assert.throws(() => readSeekTable(damaged), { code: 'CORRUPT' });
    });
  }
});
