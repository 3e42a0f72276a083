import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MANIFEST_LIST_LIMIT } from '@longshore/shared';
import fc from 'fast-check';
import { randomBytes, seededRandom } from '../../../test/fixtures/random-tree.ts';
import type { PlannedEntry } from '../src/catalog/index.ts';
import {
  BLOCK_BYTES,
  crc32,
  entryBytes,
  headerBytes,
  IndexBuilder,
  type IndexTotals,
  IndexWriter,
  type ItemRecord,
  TapeError,
  Volume,
} from '../src/index.ts';
import { directory, entry } from './awkward-entries.ts';
import { contentOf, cut, planOf, render, type TestItem } from './planned-tree.ts';

const isCorrupt = (error: unknown) => error instanceof TapeError && error.code === 'CORRUPT';

describe('the index of a tape', () => {
  let folder: string;
  let root: string;
  let indexes = 0;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-index-builder-'));
    root = join(folder, 'volume');
    mkdirSync(join(root, 'dir'), { recursive: true });
    const random = seededRandom(3);
    for (const size of [0, 1, 3_000, 20_000])
      writeFileSync(join(root, 'dir', `f${size}`), randomBytes(random, size));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const recordOf = (item: TestItem, volume: Volume): ItemRecord => {
    const { output, ...rendered } = render(volume, item);
    const archive = Buffer.concat(output);
    const packed = { bytes: archive.length, archiveCrc32: crc32(archive) };
    return { ...item, attempt: 'a', etag: undefined, ...packed, ...rendered };
  };

  interface Built {
    totals: IndexTotals;
    rows: Record<string, unknown>[];
    frames: Record<string, unknown>[];
  }

  /** Adds each item with its record, one after the other in a plain tar. */
  function build(items: readonly { item: TestItem; record: ItemRecord }[]): Built {
    const path = join(folder, `index-${indexes++}`);
    using writer = new IndexWriter(path);
    const builder = new IndexBuilder(writer);
    for (const { item, record } of items)
      builder.addItem(item.segment, { record, archiveOffset: item.start });
    const totals = builder.finish();
    writer.finish();
    const db = new DatabaseSync(path, { readOnly: true });
    const rows = db.prepare('SELECT path, type, size, data_offset, crc32, drift FROM file ORDER BY id').all();
    const frames = db.prepare('SELECT * FROM frame ORDER BY id').all();
    db.close();
    return { totals, rows, frames };
  }

  const withRecords = (items: readonly TestItem[]) => {
    using volume = Volume.open(root);
    return items.map((item) => ({ item, record: recordOf(item, volume) }));
  };

  it('has each file’s CRC, in however many items it lies', () => {
    const plan = planOf(root, folder);
    const whole = build(withRecords(cut(plan, { boundaries: [], folder })));
    const tape = plan.reduce((sum, { entry }) => sum + entryBytes(entry), 0);
    const files = plan.filter(({ entry }) => entry.type === 'file');
    assert.deepEqual(
      whole.rows.filter(({ type }) => type === 'file').map((row) => row.crc32),
      files.map(({ entry }) => crc32(contentOf(root, entry).subarray(0, entry.size))),
    );
    const boundaries = fc
      .uniqueArray(fc.nat(tape / BLOCK_BYTES), { maxLength: 8 })
      .map((blocks) => blocks.sort((a, b) => a - b).map((block) => block * BLOCK_BYTES));
    const property = fc.property(boundaries, (boundaries) => {
      const { rows, totals } = build(withRecords(cut(plan, { boundaries, folder })));
      assert.deepEqual(rows, whole.rows);
      assert.deepEqual(totals, whole.totals);
    });
    fc.assert(property, { numRuns: 25 });
  });

  it('says where each file’s bytes begin on the tape', () => {
    const plan = planOf(root, folder);
    const { rows } = build(withRecords(cut(plan, { boundaries: [], folder })));
    let offset = 0;
    for (const [n, { entry }] of plan.entries()) {
      if (entry.type === 'file') assert.equal(rows[n].data_offset, offset + headerBytes(entry));
      offset += entryBytes(entry);
    }
  });

  it('has a row for each frame, and where it is in the archive', () => {
    const items = cut(planOf(root, folder), { boundaries: [4_096], folder });
    const { frames } = build(withRecords(items));
    assert.deepEqual(
      frames.map(({ tape_offset, tape_bytes, archive_offset, archive_bytes }) => [
        tape_offset,
        tape_bytes,
        archive_offset,
        archive_bytes,
      ]),
      items.map(({ start, end }) => [start, end - start, start, end - start]),
    );
  });

  it('counts entries and bytes by type', () => {
    const { totals } = build(withRecords(cut(planOf(root, folder), { boundaries: [2_048], folder })));
    assert.deepEqual(totals.entries, {
      count: 6,
      bytes: 23_001,
      types: { directory: { count: 2, bytes: 0 }, file: { count: 4, bytes: 23_001 } },
    });
  });

  it('tells a file’s drift once, though several items saw it', () => {
    const plan = planOf(root, folder);
    const from = plan.slice(0, 4).reduce((sum, { entry }) => sum + entryBytes(entry), 0);
    const items = cut(plan, { boundaries: [from + 4_096, from + 8_192], folder });
    appendFileSync(join(root, 'dir', 'f20000'), 'more');
    rmSync(join(root, 'dir', 'f1'));
    const { totals, rows } = build(withRecords(items));
    assert.deepEqual(totals.drift, {
      count: 2,
      first: [
        { path: 'dir/f1', kind: 'vanished' },
        { path: 'dir/f20000', kind: 'grew' },
      ],
    });
    assert.equal(totals.vanished, 1);
    assert.deepEqual(rows.map(({ drift }) => drift).filter(Boolean), ['vanished', 'grew']);
  });

  it('gives paths that aren’t UTF-8 in Base64', () => {
    const path = Buffer.from([0xe4]);
    writeFileSync(Buffer.concat([Buffer.from(`${root}/`), path]), 'content');
    const items = cut(planOf(root, folder), { boundaries: [], folder });
    rmSync(Buffer.concat([Buffer.from(`${root}/`), path]));
    const { totals } = build(withRecords(items));
    assert.deepEqual(totals.drift.first, [{ pathBase64: path.toString('base64'), kind: 'vanished' }]);
  });

  it('lists a name that was skipped once, though planning came by it twice', () => {
    const socket = { path: Buffer.from('socket'), reason: 'socket' as const };
    const items = cut(planOf(root, folder), { boundaries: [], folder, skipped: [socket, socket] });
    const { totals } = build(withRecords(items));
    assert.deepEqual(totals.skipped, { count: 1, lost: 0, first: [{ path: 'socket', reason: 'socket' }] });
  });

  it('counts all that drifted, and lists the first ones', () => {
    const plan: PlannedEntry[] = [{ entry: directory(''), unreadable: false }];
    const count = MANIFEST_LIST_LIMIT + 5;
    for (let n = 0; n < count; n++) plan.push({ entry: directory(`d${n}`), unreadable: true });
    const item = cut(plan, { boundaries: [], folder })[0];
    const record: ItemRecord = {
      ...{ ...item, attempt: 'a', etag: undefined, bytes: item.end, archiveCrc32: 0, crc32: 0 },
      ...{ frames: Uint32Array.of(item.end), crcs: new Uint32Array(), drift: [] },
    };
    const { totals } = build([{ item, record }]);
    assert.equal(totals.drift.count, count);
    assert.equal(totals.drift.first.length, MANIFEST_LIST_LIMIT);
  });

  describe('is refused', () => {
    let items: { item: TestItem; record: ItemRecord }[];

    beforeEach(() => {
      items = withRecords(cut(planOf(root, folder), { boundaries: [4_096, 8_192], folder }));
    });

    it('where an item is missing', () => {
      assert.throws(() => build([items[0], items[2]]), isCorrupt);
      assert.throws(() => build(items.slice(1)), isCorrupt);
    });

    it('where it ends within a file', () => assert.throws(() => build(items.slice(0, 1)), isCorrupt));

    it('where a record is another item’s', () => {
      assert.throws(() => build([{ item: items[0].item, record: items[1].record }]), isCorrupt);
    });

    it('where a record has CRCs of more files than there are', () => {
      const { item, record } = items[0];
      const crcs = Uint32Array.of(...record.crcs, 1);
      assert.throws(() => build([{ item, record: { ...record, crcs } }]), isCorrupt);
    });

    it('where a record has CRCs of fewer files than there are', () => {
      const { item, record } = items[1];
      const crcs = record.crcs.slice(1);
      assert.ok(crcs.length < record.crcs.length);
      assert.throws(() => build([items[0], { item, record: { ...record, crcs } }, items[2]]), isCorrupt);
    });
  });

  it('takes an item that ends with an entry', () => {
    const plan: PlannedEntry[] = [directory(''), entry('a'), directory('b')].map((entry) => ({
      entry,
      unreadable: false,
    }));
    const end = entryBytes(plan[0].entry) + entryBytes(plan[1].entry);
    writeFileSync(join(root, 'a'), '');
    const { rows } = build(withRecords(cut(plan, { boundaries: [end], folder })));
    assert.deepEqual(
      rows.map(({ path }) => path),
      ['', 'a', 'b'],
    );
  });
});
