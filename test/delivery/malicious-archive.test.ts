import assert from 'node:assert/strict';
import { cpSync, linkSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Longshore, runExport } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

interface Trick {
  name: string;
  /** What is done to the index. OUTSIDE in it is a directory beside the target. */
  sql: string;
}

const DOOR = "(SELECT id FROM entry WHERE name = 'door')";

/** What an index may say so that something is made, or linked, outside of the directory. */
const REFUSED: readonly Trick[] = [
  { name: 'a name that is ..', sql: "UPDATE entry SET name = '..' WHERE name = 'z'" },
  { name: 'a name that is .', sql: "UPDATE entry SET name = '.' WHERE name = 'dir'" },
  { name: 'an empty name', sql: "UPDATE entry SET name = '' WHERE name = 'z'" },
  { name: 'a path that leads up', sql: "UPDATE entry SET name = '../outside/z' WHERE name = 'z'" },
  { name: 'one of bytes', sql: "UPDATE entry SET name = CAST('../outside/z\xff' AS BLOB) WHERE name = 'z'" },
  { name: 'an absolute path', sql: "UPDATE entry SET name = 'OUTSIDE/z' WHERE name = 'z'" },
  { name: 'a NUL in a name', sql: "UPDATE entry SET name = 'z' || char(0) || '/..' WHERE name = 'z'" },
  { name: 'a directory that is ..', sql: "UPDATE entry SET name = '..' WHERE name = 'dir'" },
  { name: 'a file below a symbolic link', sql: `UPDATE entry SET parent = ${DOOR} WHERE name = 'z'` },
  {
    name: 'a directory that became a symbolic link',
    sql: "UPDATE entry SET type = 'symlink', link = 'OUTSIDE' WHERE name = 'dir'",
  },
  {
    name: 'a symbolic link and a directory of one name',
    sql: "UPDATE entry SET name = 'door' WHERE name = 'doos'",
  },
  { name: 'an entry in itself', sql: "UPDATE entry SET parent = id WHERE name = 'z'" },
  { name: 'a second root', sql: "UPDATE entry SET parent = NULL WHERE name = 'z'" },
  { name: 'a negative size', sql: "UPDATE entry SET size = -1 WHERE name = 'z'" },
  { name: 'a size beyond the tape', sql: "UPDATE entry SET size = 1 << 50 WHERE name = 'z'" },
  { name: 'a content elsewhere', sql: "UPDATE entry SET data_offset = 0 WHERE name = 'z'" },
  { name: 'a frame that never ends', sql: 'UPDATE frame SET tape_bytes = 1 << 50 WHERE id = 1' },
  { name: 'a frame beyond the archive', sql: 'UPDATE frame SET archive_offset = 1 << 40 WHERE id = 2' },
  { name: 'no entry at all', sql: 'DELETE FROM entry' },
  { name: 'a table of other columns', sql: 'DROP VIEW file; ALTER TABLE entry RENAME COLUMN name TO title' },
];

/** An index that says one thing when it is looked at, and then another: the kernel keeps it inside. */
const TURNING = (other: string) => `
  DROP VIEW file;
  ALTER TABLE entry RENAME TO honest;
  CREATE VIEW entry AS
    SELECT id, parent, CASE WHEN name = 'z' AND random() % 2 THEN '${other}' ELSE name END AS name, type, size, mode,
      uid, gid, mtime, mtime_nsec, link, tape_offset, data_offset, crc32, drift
    FROM honest`;

/** Hard links to what is no entry: they alone are left out. */
const LINKS: readonly Trick[] = [
  { name: 'up', sql: "UPDATE entry SET link = '../outside/secret' WHERE type = 'hardlink'" },
  { name: 'to an absolute path', sql: "UPDATE entry SET link = 'OUTSIDE/secret' WHERE type = 'hardlink'" },
  {
    name: 'through a symbolic link',
    sql: "UPDATE entry SET link = 'door/secret' WHERE type = 'hardlink'",
  },
  { name: 'to a symbolic link', sql: "UPDATE entry SET link = 'door' WHERE type = 'hardlink'" },
  { name: 'to a directory', sql: "UPDATE entry SET link = 'dir' WHERE type = 'hardlink'" },
];

describe('an archive that was made to escape', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let target: string;
  let outside: string;
  let count = 0;

  before(async () => {
    temp = await tempFolder('malicious');
    outside = join(temp.path, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'secret'), 'secret');
    makeSource(join(temp.path, 'source'));
    const { exitCode, stderr } = await runExport(join(temp.path, 'source'), join(temp.path, 'archives'), {
      args: ['--name', 'it'],
    });
    assert.equal(exitCode, 0, stderr);
  });
  after(() => temp[Symbol.asyncDispose]());
  afterEach(() => {
    assert.deepEqual(readdirSync(outside), ['secret']);
    assert.deepEqual(
      readdirSync(temp.path).filter((name) => name === 'z'),
      [],
    );
  });

  function makeSource(source: string): void {
    for (const folder of ['dir', 'doos']) mkdirSync(join(source, folder), { recursive: true });
    for (const file of ['dir/file', 'doos/file', 'hard', 'z']) writeFileSync(join(source, file), file);
    symlinkSync(outside, join(source, 'door'));
    linkSync(join(source, 'hard'), join(source, 'harder'));
  }

  /** The archive with an index to which `sql` was done; the target is one that isn't there. */
  function tricked({ sql }: Trick): string {
    count += 1;
    const folder = join(temp.path, `archives-${count}`);
    target = join(temp.path, `target-${count}`);
    cpSync(join(temp.path, 'archives'), folder, { recursive: true });
    using database = new DatabaseSync(join(folder, 'it.index.sqlite'));
    database.exec(sql.replace('OUTSIDE', outside));
    return join(folder, 'it.tar.zst');
  }

  async function run(...args: string[]) {
    await using longshore = new Longshore(args);
    return await longshore.finished;
  }

  for (const trick of REFUSED) {
    it(`is refused before anything is made: ${trick.name}`, async () => {
      const { exitCode, stderr } = await run('restore', tricked(trick), target);
      assert.equal(exitCode, 1);
      assert.match(stderr, /^longshore: (The index is not one|.* is no index that this version reads)/);
      assert.deepEqual(
        readdirSync(temp.path).filter((name) => join(temp.path, name) === target),
        [],
      );
    });
  }

  for (const trick of LINKS) {
    it(`gets no hard link ${trick.name}, and all the rest`, async () => {
      const { exitCode, stdout } = await run('restore', tricked(trick), target);
      assert.equal(exitCode, 1);
      assert.match(stdout, /1 entries are damaged or missing:\n {2}"harder": it can't be made \(EINVAL\)/);
      assert.deepEqual(readdirSync(target).sort(), ['dir', 'door', 'doos', 'hard', 'z']);
    });
  }

  for (const other of ['../outside/z', 'OUTSIDE/z', 'door/z']) {
    it(`stays inside though its index changes its mind: ${other}`, async () => {
      // Refused, or with a file that can't be made, or harmless: as chance has it each time.
      for (let round = 0; round < 6; round += 1) {
        const { exitCode } = await run('restore', tricked({ name: other, sql: TURNING(other) }), target);
        assert.ok(exitCode === 0 || exitCode === 1);
        assert.deepEqual(readdirSync(outside), ['secret']);
      }
    });
  }

  it('is no archive for verify either', async () => {
    const { exitCode, stderr } = await run('verify', tricked(REFUSED[0]));
    assert.equal(exitCode, 1);
    assert.match(stderr, /The index is not one that an export writes: the name ".." of entry \d leads out/);
  });
});
