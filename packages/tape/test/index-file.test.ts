import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Entry } from '../src/entry.ts';
import { entryBytes, headerBytes } from '../src/header.ts';
import { IndexReader, IndexWriter } from '../src/index-file.ts';
import { FRAME_BYTES } from '../src/layout.ts';
import { directory, entry } from './awkward-entries.ts';

const LATIN1 = Buffer.from([0xe4]);
const bytes = (...parts: (string | Buffer)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)));

const TREE: Entry[] = [
  directory(''),
  entry('a-file', { size: 700, mtimeNsec: 5 }),
  directory('a'),
  directory('a/deep'),
  entry('a/deep/file', { size: 1, links: 2 }),
  entry('a/hardlink', { type: 'hardlink', link: Buffer.from('a/deep/file') }),
  directory('a-b'),
  entry('a-b/ü'),
  directory(LATIN1),
  entry(bytes(LATIN1, '/inside')),
  entry(bytes(LATIN1, '/', LATIN1), { type: 'symlink', link: LATIN1 }),
  entry('z', { size: 0 }),
];

describe('the index', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longshore-index-'));
    path = join(folder, 'index.sqlite');
  });
  afterEach(() => rm(folder, { recursive: true }));

  function write(entries: Entry[], target = path): void {
    using writer = new IndexWriter(target);
    let tapeOffset = 0;
    for (const each of entries) {
      const drift = each.path.equals(Buffer.from('a-file')) ? 'shrank' : undefined;
      writer.addEntry({
        entry: each,
        tapeOffset,
        crc32: each.type === 'file' ? 0xfffffff0 : undefined,
        drift,
      });
      tapeOffset += entryBytes(each);
    }
    writer.addSkipped({ path: Buffer.from('a/socket'), reason: 'socket' });
    writer.addSkipped({ path: bytes('a/', LATIN1), reason: 'other-file-system' });
    writer.setMeta('export', 'e1');
    writer.finish();
  }

  function rows(sql: string) {
    using db = new DatabaseSync(path, { readOnly: true });
    return db
      .prepare(sql)
      .all()
      .map((row) => Object.values(row));
  }

  it('gives every entry its whole path, ids in the order of the tape', () => {
    write(TREE);
    const paths = rows('SELECT CAST(path AS BLOB) FROM file ORDER BY id').flat();
    assert.deepEqual(
      paths.map((each) => Buffer.from(each as Uint8Array).toString('latin1')),
      TREE.map((each) => each.path.toString('latin1')),
    );
  });

  it('holds what is UTF-8 as text and what is not as a blob', () => {
    write(TREE);
    assert.deepEqual(rows("SELECT count(*), min(path) FROM file WHERE typeof(path) = 'text'"), [[9, '']]);
    assert.deepEqual(rows("SELECT hex(path) FROM file WHERE typeof(path) = 'blob' ORDER BY id"), [
      ['E4'],
      ['E42F696E73696465'],
      ['E42FE4'],
    ]);
    assert.deepEqual(rows("SELECT hex(link) FROM entry WHERE type = 'symlink'"), [['E4']]);
    assert.deepEqual(rows("SELECT link FROM entry WHERE type = 'hardlink'"), [['a/deep/file']]);
  });

  it('holds numbers as integers, and the range of a file on the tape', () => {
    write(TREE);
    const [root, file] = TREE;
    assert.deepEqual(rows('SELECT typeof(size), typeof(tape_offset) FROM entry GROUP BY 1, 2'), [
      ['integer', 'integer'],
    ]);
    assert.deepEqual(
      rows("SELECT tape_offset, data_offset, size, crc32, drift FROM file WHERE path = 'a-file'"),
      [[entryBytes(root), entryBytes(root) + headerBytes(file), 700, 0xfffffff0, 'shrank']],
    );
    assert.deepEqual(rows("SELECT data_offset, crc32 FROM entry WHERE type = 'directory' GROUP BY 1, 2"), [
      [null, null],
    ]);
  });

  it('is the same bytes for the same calls', async () => {
    const again = join(folder, 'again.sqlite');
    write(TREE);
    write(TREE, again);
    assert.ok((await readFile(path)).equals(await readFile(again)));
  });

  it('is a database that is whole, with its secondary index', () => {
    write(TREE);
    assert.deepEqual(rows('PRAGMA integrity_check'), [['ok']]);
    assert.deepEqual(rows("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"), [
      ['entry_parent'],
    ]);
  });

  it('finds entries by path', () => {
    write(TREE);
    using reader = new IndexReader(path);
    const found = TREE.map((each) => reader.find(each.path));
    assert.deepEqual(
      found.map((each) => each?.id),
      TREE.map((_, n) => n + 1),
    );
    assert.deepEqual(found[1]?.drift, 'shrank');
    assert.deepEqual(found[10]?.link, LATIN1);
    for (const missing of ['b', 'a/deep/none', 'a-file/x', 'a-']) {
      assert.equal(reader.find(Buffer.from(missing)), undefined);
    }
  });

  it('lists directories page by page', () => {
    write(TREE);
    using reader = new IndexReader(path);
    const names = (page?: { after?: Buffer; limit?: number }) =>
      [...reader.entries(Buffer.alloc(0), page)].map(({ name }) => name.toString('latin1'));
    assert.deepEqual(names(), ['a', 'a-b', 'a-file', 'z', '\xe4']);
    assert.deepEqual(names({ limit: 2 }), ['a', 'a-b']);
    assert.deepEqual(names({ after: Buffer.from('a-b'), limit: 2 }), ['a-file', 'z']);
    assert.deepEqual(names({ after: Buffer.from('z') }), ['\xe4']);
    assert.deepEqual(names({ after: LATIN1 }), []);
    assert.deepEqual([...reader.entries(Buffer.from('missing'))], []);
    assert.deepEqual([...reader.entries(Buffer.from('a-file'))], []);
  });

  it('says what was skipped, and its meta data', () => {
    write(TREE);
    using reader = new IndexReader(path);
    assert.deepEqual(
      [...reader.skipped()],
      [
        { path: Buffer.from('a/socket'), reason: 'socket' },
        { path: bytes('a/', LATIN1), reason: 'other-file-system' },
      ],
    );
    assert.deepEqual(
      [reader.meta('version'), reader.meta('export'), reader.meta('none')],
      ['1', 'e1', undefined],
    );
  });

  it('records what was skipped once, however often it is told', () => {
    using writer = new IndexWriter(path);
    const skipped = { path: LATIN1, reason: 'socket' } as const;
    assert.deepEqual([writer.addSkipped(skipped), writer.addSkipped(skipped)], [true, false]);
    writer.finish();
    assert.deepEqual(rows('SELECT count(*) FROM skipped'), [[1]]);
  });

  it('finds the frames of a range of the tape', () => {
    const sizes = [FRAME_BYTES, FRAME_BYTES, 1_000, 1_024];
    const starts = sizes.map((_, n) => sizes.slice(0, n).reduce((sum, size) => sum + size, 0));
    using writer = new IndexWriter(path);
    for (const [n, tapeBytes] of sizes.entries()) {
      writer.addFrame({ tapeOffset: starts[n], tapeBytes, archiveOffset: n * 100, archiveBytes: 100 });
    }
    writer.finish();
    using reader = new IndexReader(path);
    const found = (start: number, end: number) =>
      [...reader.frames({ start, end })].map(({ archiveOffset }) => archiveOffset / 100);
    assert.deepEqual(found(0, 1), [0]);
    assert.deepEqual(found(FRAME_BYTES - 1, FRAME_BYTES + 1), [0, 1]);
    assert.deepEqual(found(FRAME_BYTES, 2 * FRAME_BYTES), [1]);
    assert.deepEqual(found(starts[3] + 5, starts[3] + 6), [3]);
    assert.deepEqual(found(starts[2], starts[3] + 1_024), [2, 3]);
    assert.deepEqual(found(starts[3] + 1_024, starts[3] + 2_000), []);
  });

  it('refuses an entry that does not follow its directory', () => {
    using writer = new IndexWriter(path);
    writer.addEntry({ entry: directory(''), tapeOffset: 0 });
    writer.addEntry({ entry: directory('a'), tapeOffset: 512 });
    writer.addEntry({ entry: directory('b'), tapeOffset: 1024 });
    assert.throws(() => writer.addEntry({ entry: entry('a/late'), tapeOffset: 1536 }), { code: 'CORRUPT' });
  });

  it('refuses to write where it cannot, or where something is', async () => {
    assert.throws(() => new IndexWriter(join(folder, 'none', 'index.sqlite')), { code: 'IO' });
    write(TREE);
    assert.throws(() => new IndexWriter(path), { code: 'IO' });
  });

  it('refuses to read what is no index', async () => {
    await writeFile(path, 'no database, and quite sure of it');
    assert.throws(() => new IndexReader(path), { code: 'CORRUPT' });
    assert.throws(() => new IndexReader(join(folder, 'none.sqlite')), { code: 'CORRUPT' });
    const empty = join(folder, 'empty.sqlite');
    await writeFile(empty, '');
    assert.throws(() => new IndexReader(empty), { code: 'CORRUPT' });
  });

  it('takes 200,000 entries at a speed worth printing', function () {
    this.timeout(300_000);
    const name = (n: number) => entry(`directory/file-${String(n).padStart(7, '0')}`, { size: 1_000 });
    using writer = new IndexWriter(path);
    writer.addEntry({ entry: directory(''), tapeOffset: 0 });
    writer.addEntry({ entry: directory('directory'), tapeOffset: 512 });
    const started = performance.now();
    for (let n = 0; n < 200_000; n += 1) writer.addEntry({ entry: name(n), tapeOffset: 1_024 + n * 1_536 });
    writer.finish();
    const thousands = Math.round(200 / ((performance.now() - started) / 1_000));
    process.stdout.write(`      ${thousands}k entries a second\n`);
    assert.deepEqual(rows('SELECT count(*) FROM entry'), [[200_002]]);
  });
});
