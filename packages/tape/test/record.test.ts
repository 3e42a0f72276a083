import assert from 'node:assert/strict';
import { zstdCompressSync } from 'node:zlib';
import { DRIFT_KINDS } from '@longshore/shared';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import {
  decodeRecord,
  decodeWeld,
  encodeRecord,
  encodeWeld,
  FRAME_BYTES,
  type ItemRecord,
  rawFrameBytes,
  TapeError,
  type WeldRecord,
} from '../src/index.ts';

const RECORD: ItemRecord = {
  item: 7,
  attempt: 'a1',
  start: 469_762_048,
  end: 469_762_048 + 2 * FRAME_BYTES,
  digest: 'd'.repeat(64),
  etag: '"etag"',
  bytes: 6_000_000,
  archiveCrc32: 0x12345678,
  crc32: 0xffffffff,
  frames: Uint32Array.of(3_000_000, 3_000_000),
  crcs: Uint32Array.of(0, 0xdeadbeef),
  drift: DRIFT_KINDS.map((kind, row) => ({ row, kind })),
};

const WELD: WeldRecord = {
  first: 3,
  last: 5,
  attempts: ['a', 'b', 'c'],
  padding: 17,
  etag: '"e"',
  bytes: 5_242_880,
};

const isCorrupt = (error: unknown) => error instanceof TapeError && error.code === 'CORRUPT';
const packed = (content: unknown) => zstdCompressSync(new Packr({ useRecords: false }).pack(content));

interface Kind {
  decode(data: Uint8Array): ItemRecord | WeldRecord;
  good: ItemRecord | WeldRecord;
  stored: Buffer;
}

/** What `decode` makes of `data`; undefined where it refuses it, as it must, with CORRUPT. */
function tryDecode<T>(decode: (data: Uint8Array) => T, data: Uint8Array): T | undefined {
  try {
    return decode(data);
  } catch (error) {
    assert.ok(isCorrupt(error), String(error));
    return undefined;
  }
}

const KINDS: Record<string, Kind> = {
  'an item’s record': { decode: decodeRecord, good: RECORD, stored: encodeRecord(RECORD) },
  'a weld’s record': { decode: decodeWeld, good: WELD, stored: encodeWeld(WELD) },
};

for (const [name, { decode, good, stored }] of Object.entries(KINDS)) {
  describe(name, () => {
    it('comes back as it was', () => assert.deepEqual(decode(stored), good));

    it('is never read as another one, whichever byte is wrong', () => {
      for (let at = 0; at < stored.length; at++) {
        for (const flip of [0x01, 0x10, 0x80, 0xff]) {
          const bad = Buffer.from(stored);
          bad[at] ^= flip;
          const decoded = tryDecode(decode, bad);
          if (decoded) assert.deepEqual(decoded, good);
        }
      }
    });

    it('is refused wherever it is cut off', () => {
      for (let length = 0; length < stored.length; length++)
        assert.throws(() => decode(stored.subarray(0, length)), isCorrupt);
    });

    for (const content of [undefined, 7, 'text', [], {}, { ...good, version: 3 }]) {
      it(`is refused where ${JSON.stringify(content)?.slice(0, 40)} stands in its place`, () => {
        assert.throws(() => decode(packed(content)), isCorrupt);
      });
    }
  });
}

describe('an item’s record', () => {
  it('has no ETag for a runt', () => {
    assert.equal(decodeRecord(encodeRecord({ ...RECORD, etag: undefined })).etag, undefined);
  });

  it('keeps any numbers, and takes those that are a view of a larger buffer', () => {
    const u32s = fc.uint32Array({ maxLength: 50 });
    fc.assert(
      fc.property(u32s, u32s, fc.nat(20), (frames, crcs, cut) => {
        const record = { ...RECORD, frames: frames.subarray(cut), crcs };
        assert.deepEqual(decodeRecord(encodeRecord(record)), {
          ...record,
          frames: Uint32Array.from(record.frames),
        });
      }),
      { numRuns: 50 },
    );
  });

  const wire = {
    ...{ version: 2, item: 0, attempt: 'a', start: 0, end: 512, digest: 'd' },
    ...{ bytes: 1, archiveCrc32: 0, crc32: 0 },
    ...{
      frames: new Uint8Array(4),
      crcs: new Uint8Array(),
      driftRows: new Uint8Array(4),
      driftKinds: new Uint8Array(1),
    },
  };
  const forged: [string, object][] = [
    ['half a number', { frames: new Uint8Array(3) }],
    ['a drifted row without a kind', { driftKinds: new Uint8Array() }],
    ['a kind without a row', { driftRows: new Uint8Array() }],
    ['a kind that there isn’t', { driftKinds: Uint8Array.of(DRIFT_KINDS.length) }],
    ['a negative item', { item: -1 }],
    ['text for bytes', { crcs: 'abcd' }],
  ];

  it('is read where somebody else wrote what we would', () => {
    assert.deepEqual(decodeRecord(packed(wire)).drift, [{ row: 0, kind: DRIFT_KINDS[0] }]);
  });
  for (const [what, difference] of forged) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => decodeRecord(packed({ ...wire, ...difference })), isCorrupt);
    });
  }
});

describe('frames of a range', () => {
  it('are whole ones, and what is left', () => {
    const range = { start: 2 * FRAME_BYTES, end: 4 * FRAME_BYTES + 512 };
    assert.deepEqual(
      [0, 1, 2].map((frame) => rawFrameBytes(range, frame)),
      [FRAME_BYTES, FRAME_BYTES, 512],
    );
  });
});
