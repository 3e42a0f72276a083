import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync } from 'node:zlib';
import { ENTRY_TYPES } from '@longshore/shared';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { ChunkEncoder } from '../src/catalog/chunk-encoder.ts';
import type { PlannedEntry } from '../src/catalog/columns.ts';
import { readSegment, type SegmentPart, SegmentWriter, type Skipped } from '../src/catalog/index.ts';
import { SEGMENT_MAGIC } from '../src/catalog/segment.ts';
import { compileExcludes, type Entry, LinkGroups, TapeError, Volume, walk } from '../src/index.ts';
import { directory, entry, NAMES, NUMBERS, TYPES, XATTRS, xattr } from './awkward-entries.ts';

const HEAD = { item: 3, start: 201_326_592, end: 268_435_456, tapeOffset: 201_000_448, previous: 'abc' };
const FOOT = { filesSoFar: 12, tapeEnd: 268_436_480, last: false };

const planned = (entry: Entry, unreadable = false): PlannedEntry => ({ entry, unreadable });

const isCorrupt = (error: unknown) => error instanceof TapeError && error.code === 'CORRUPT';

describe('a catalog segment', () => {
  let folder: string;
  let count = 0;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-catalog-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const newFile = () => join(folder, `segment-${count++}`);

  function write(entries: Iterable<PlannedEntry>, skipped: readonly Skipped[] = []) {
    const file = newFile();
    using writer = new SegmentWriter(file, HEAD);
    for (const each of entries) writer.add(each);
    for (const each of skipped) writer.skip(each);
    return { file, ...writer.finish(FOOT) };
  }

  /** A file with these blocks, whatever they say. */
  function forge(...blocks: unknown[]): string {
    const packr = new Packr({ useRecords: false });
    const pieces: Buffer[] = [SEGMENT_MAGIC];
    for (const block of blocks) {
      const packed = zstdCompressSync(packr.pack(block));
      const length = Buffer.alloc(4);
      length.writeUInt32LE(packed.length);
      pieces.push(length, packed);
    }
    const file = newFile();
    writeFileSync(file, Buffer.concat(pieces));
    return file;
  }

  const assertCorrupt = (file: string) => assert.throws(() => [...readSegment(file)], isCorrupt);

  it('gives back what was written, in its order', () => {
    const entries = [...NAMES, ...NUMBERS, ...TYPES, ...XATTRS].map((each) => planned(each));
    const skipped: Skipped[] = [
      { path: Buffer.from('run/socket'), reason: 'socket' },
      { path: Buffer.from([0xff, 0xfe]), reason: 'other-file-system' },
    ];
    const parts = [...readSegment(write(entries, skipped).file)];
    assert.deepEqual(parts, [
      { kind: 'head', version: 1, ...HEAD },
      ...entries.map((each) => ({ kind: 'entry', ...each })),
      ...skipped.map((each) => ({ kind: 'skipped', ...each })),
      { kind: 'foot', entries: entries.length, ...FOOT },
    ]);
  });

  it('gives back any entry that a file system can have', () => {
    const property = fc.property(fc.array(anyPlanned, { maxLength: 40 }), (entries) => {
      assert.deepEqual(entriesOf(readSegment(write(entries).file)), entries);
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('can be empty', () => {
    const { file } = write([]);
    assert.deepEqual(
      [...readSegment(file)].map(({ kind }) => kind),
      ['head', 'foot'],
    );
  });

  it('is told by the size and SHA-256 of its file', () => {
    const { file, bytes, digest } = write([planned(directory(''))]);
    assert.equal(bytes, statSync(file).size);
    assert.equal(digest, createHash('sha256').update(readFileSync(file)).digest('hex'));
  });

  it('has the same digest for the same plan', () => {
    const entries = TYPES.map((each) => planned(each));
    assert.equal(write(entries).digest, write(entries).digest);
  });

  it('refuses to replace a file', () => {
    const { file } = write([]);
    assert.throws(() => new SegmentWriter(file, HEAD), { code: 'EEXIST' });
  });

  describe('in chunks', () => {
    const name = (n: number) => `f${String(n).padStart(6, '0')}`;

    it('closes one at 50,000 entries', () => {
      const { file } = write(Array.from({ length: 50_001 }, (_, n) => planned(entry(name(n)))));
      assert.equal(countBlocks(file), 1 + 2 + 1);
      assert.equal(entriesOf(readSegment(file)).length, 50_001);
    });

    it('closes one at 8 MiB of names and attributes', () => {
      const xattrs = [xattr('user.x', Buffer.alloc(64 * 1_024, 'x'))];
      const { file } = write(Array.from({ length: 150 }, (_, n) => planned(entry(name(n), { xattrs }))));
      assert.equal(countBlocks(file), 1 + 2 + 1);
    });

    it('closes a list of skipped names at 8 MiB too', () => {
      const path = Buffer.from(Array(40).fill('d'.repeat(99)).join('/'));
      const skipped = Array.from({ length: 2_500 }, () => ({ path, reason: 'socket' as const }));
      const { file } = write([], skipped);
      assert.equal(countBlocks(file), 1 + 2 + 1);
      assert.equal([...readSegment(file)].filter(({ kind }) => kind === 'skipped').length, 2_500);
    });
  });

  describe('that is damaged', () => {
    it('is never read as another one, whichever byte is wrong', () => {
      const { file } = write(TYPES.map((each) => planned(each)));
      const good = readFileSync(file);
      const whole = [...readSegment(file)];
      const bad = newFile();
      for (let at = 0; at < good.length; at++) {
        for (const flip of [0x01, 0x80, 0xff]) {
          const bytes = Buffer.from(good);
          bytes[at] ^= flip;
          writeFileSync(bad, bytes);
          assertSameOrCorrupt(bad, whole);
        }
      }
    });

    it('is refused wherever it is cut off', () => {
      const { file, bytes } = write([planned(directory('')), planned(entry('a'))]);
      for (let length = bytes - 1; length >= 0; length--) {
        truncateSync(file, length);
        assertCorrupt(file);
      }
    });

    it('is refused without taking the memory that a block claims to need', () => {
      const { file } = write([planned(directory(''))]);
      const bytes = readFileSync(file);
      bytes.writeUInt32LE(60 * 2 ** 20, SEGMENT_MAGIC.length);
      writeFileSync(file, bytes);
      const before = process.memoryUsage().arrayBuffers;
      assertCorrupt(file);
      assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
    });
  });

  describe('that somebody forged', () => {
    const head = { kind: 'head', version: 1, ...HEAD };
    const foot = (entries: number) => ({ kind: 'foot', entries, ...FOOT });
    const chunk = (...entries: Entry[]) => {
      const encoder = new ChunkEncoder();
      for (const each of entries) encoder.add(planned(each));
      return encoder.take();
    };

    it('is read where it says what a segment says', () => {
      assert.equal([...readSegment(forge(head, chunk(entry('a')), foot(1)))].length, 3);
    });

    const leaving = ['../a', 'a/../../b', '..', 'a/..', '/etc/passwd', '/', 'a\0b'];
    for (const path of leaving) {
      it(`is refused with the path ${JSON.stringify(path)}`, () =>
        assertCorrupt(write([planned(entry(path))]).file));
    }

    it('takes names that only look like a way out', () => {
      const names = ['..a', 'a..', '...', 'a/..b/c', 'a/.../b'];
      const read = entriesOf(readSegment(write(names.map((each) => planned(entry(each)))).file));
      assert.deepEqual(
        read.map(({ entry }) => entry.path.toString()),
        names,
      );
    });

    const impossible: [string, Entry][] = [
      ['no size', entry('a', { size: Number.NaN })],
      ['an endless size', entry('a', { size: Number.POSITIVE_INFINITY })],
      ['a negative size', entry('a', { size: -512 })],
      ['half a byte', entry('a', { size: 0.5 })],
      ['a directory with content', directory('a', { size: 512 })],
      ['no time', entry('a', { mtime: Number.NaN })],
      ['a symlink to nothing', entry('a', { type: 'symlink' })],
      ['a device without a number', entry('a', { type: 'block' })],
    ];
    for (const [what, each] of impossible) {
      it(`is refused with ${what}`, () => assertCorrupt(write([planned(each)]).file));
    }

    const columns = chunk(entry('a'), entry('b'));
    const one = (name: string, value: Uint8Array) => ({
      ...columns,
      columns: { ...columns.columns, [name]: value },
    });
    const forged: [string, unknown[]][] = [
      ['no head', [foot(0)]],
      ['a head that comes late', [chunk(entry('a')), head, foot(1)]],
      ['two heads', [head, head, foot(0)]],
      ['no foot', [head]],
      ['fewer entries than its foot counts', [head, chunk(entry('a')), foot(2)]],
      ['another version', [{ ...head, version: 2 }, foot(0)]],
      ['a block of another kind', [head, { kind: 'else' }, foot(0)]],
      ['a block that is a number', [head, 7, foot(0)]],
      ['a column that is missing', [head, one('mode', new Uint8Array()), foot(2)]],
      ['a column that is too long', [head, one('type', new Uint8Array(3)), foot(2)]],
      ['an unknown type', [head, one('type', new Uint8Array([0, 9])), foot(2)]],
      ['a prefix that nothing has', [head, one('shared', new Uint8Array([0, 0, 0, 0, 5, 0, 0, 0])), foot(2)]],
      ['more rows than columns have', [head, { ...columns, rows: 2 ** 31 }, foot(2)]],
      ['rows that are no number', [head, { ...columns, rows: 'two' }, foot(2)]],
      ['an unknown reason', [head, { kind: 'skipped', names: [[new Uint8Array(1), 'boring']] }, foot(0)]],
    ];
    for (const [what, blocks] of forged) {
      it(`is refused with ${what}`, () => assertCorrupt(forge(...blocks)));
    }

    it('is refused where it is another file altogether', () => {
      assertCorrupt(fileURLToPath(import.meta.url));
    });
  });

  it('takes about 20 bytes for an entry of an ordinary tree', () => {
    using volume = Volume.open(fileURLToPath(new URL('../../../node_modules', import.meta.url)));
    using links = new LinkGroups({ scratch: folder });
    const steps = [...walk(volume, { exclude: compileExcludes([]), links })];
    const entries = steps.filter((step) => step.kind === 'entry');
    const each = write(entries).bytes / entries.length;
    assert.ok(entries.length > 5_000);
    assert.ok(each < 25, `${each.toFixed(1)} bytes an entry`);
  });
});

function entriesOf(parts: Iterable<SegmentPart>): PlannedEntry[] {
  const entries: PlannedEntry[] = [];
  for (const part of parts) if (part.kind === 'entry') entries.push(planned(part.entry, part.unreadable));
  return entries;
}

function countBlocks(file: string): number {
  const bytes = readFileSync(file);
  let blocks = 0;
  for (let at = SEGMENT_MAGIC.length; at < bytes.length; at += 4 + bytes.readUInt32LE(at)) blocks++;
  return blocks;
}

/** A flipped bit may be one that says nothing (zstd has such): then the file reads as it did. */
function assertSameOrCorrupt(file: string, whole: readonly SegmentPart[]): void {
  let read: SegmentPart[];
  try {
    read = [...readSegment(file)];
  } catch (error) {
    assert.ok(isCorrupt(error), String(error));
    return;
  }
  assert.deepEqual(read, whole);
}

const bytes = (constraints: { minLength?: number; maxLength: number }) =>
  fc.uint8Array({ ...constraints, min: 1 }).map((array) => Buffer.from(array));

const component = bytes({ minLength: 1, maxLength: 255 })
  .map((name) => Buffer.from(name.map((byte) => (byte === 0x2f ? 0x30 : byte))))
  .filter((name) => name.toString('latin1') !== '..');

const anyPath = fc
  .array(component, { maxLength: 5 })
  .map((parts) => Buffer.concat(parts.flatMap((part, at) => (at === 0 ? [part] : [Buffer.from('/'), part]))));

const anyXattr = fc
  .tuple(bytes({ minLength: 1, maxLength: 40 }), fc.uint8Array({ maxLength: 200 }))
  .map(([name, value]) => xattr(name, Buffer.from(value)));

const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
/** Times beyond 2^53 exist on file systems that keep 64 bits; they lose their last digits long before. */
const seconds = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(2 ** 62, -(2 ** 62)));
const nanoseconds = fc.integer({ min: 0, max: 999_999_999 });

const anyEntry = fc
  .record({
    path: anyPath,
    type: fc.constantFrom(...ENTRY_TYPES),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: u32,
    gid: u32,
    mtime: seconds,
    mtimeNsec: nanoseconds,
    size: fc.maxSafeNat(),
    xattrs: fc.array(anyXattr, { maxLength: 3 }),
    inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    links: u32,
    ctime: seconds,
    ctimeNsec: nanoseconds,
    target: bytes({ maxLength: 300 }),
    major: u32,
    minor: u32,
  })
  .map(({ target, major, minor, ...rest }): Entry => {
    const { type } = rest;
    return {
      ...rest,
      size: type === 'file' ? rest.size : 0,
      ...((type === 'symlink' || type === 'hardlink') && { link: target }),
      ...((type === 'character' || type === 'block') && { deviceMajor: major, deviceMinor: minor }),
    };
  });

const anyPlanned = fc.tuple(anyEntry, fc.boolean()).map(([entry, unreadable]) => planned(entry, unreadable));
