import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Entry } from '../src/entry.ts';
import { LinkGroups } from '../src/links.ts';

function entry(fields: Partial<Entry>): Entry {
  return {
    path: Buffer.from('a'),
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_700_000_000,
    mtimeNsec: 5,
    size: 1,
    xattrs: [],
    inode: 1n,
    links: 2,
    ctime: 0,
    ctimeNsec: 0,
    ...fields,
  };
}

describe('LinkGroups', () => {
  let scratch: string;
  let groups: LinkGroups;
  const see = (path: string, fields: Partial<Entry> = {}) =>
    groups.see(entry({ path: Buffer.from(path), ...fields }))?.toString();

  beforeEach(() => {
    scratch = mkdtempSync(join(tmpdir(), 'longshore-links-test-'));
    groups = new LinkGroups({ scratch });
  });
  afterEach(() => {
    groups[Symbol.dispose]();
    assert.deepEqual(readdirSync(scratch), []);
    rmSync(scratch, { recursive: true });
  });

  it('gives later names the first one', () => {
    assert.equal(see('first', { links: 3 }), undefined);
    assert.equal(see('second', { links: 3 }), 'first');
    assert.equal(see('third', { links: 3 }), 'first');
  });

  it('forgets a group whose names were all seen', () => {
    see('first');
    assert.equal(groups.size, 1);
    see('second');
    assert.equal(groups.size, 0);
    assert.equal(see('the inode number again'), undefined);
  });

  it('holds no group for single names and for what is not a regular file', () => {
    see('single', { links: 1 });
    for (const type of ['directory', 'symlink', 'fifo', 'character', 'block'] as const) {
      assert.equal(see(type, { type }), undefined);
      assert.equal(see(`${type} again`, { type }), undefined);
    }
    assert.equal(groups.size, 0);
  });

  it('starts anew where an inode number came back with another mtime', () => {
    see('deleted', { links: 3 });
    assert.equal(see('new', { mtimeNsec: 6 }), undefined);
    assert.equal(see('new too', { mtimeNsec: 6 }), 'new');
    assert.equal(groups.size, 0);
  });

  it('keeps inode numbers beyond 2^63 and paths of any bytes apart in its file', () => {
    using small = new LinkGroups({ scratch, limit: 1 });
    const path = Buffer.from([0xff, 0x00, 0xfe]);
    const inodes = [0n, 2n ** 63n, 2n ** 64n - 1n, 2n ** 63n - 1n];
    for (const inode of inodes) small.see(entry({ inode, path, mtime: -(2 ** 40), mtimeNsec: 999_999_999 }));
    assert.equal(small.size, 4);
    for (const inode of inodes) {
      assert.deepEqual(small.see(entry({ inode, mtime: -(2 ** 40), mtimeNsec: 999_999_999 })), path);
    }
    assert.equal(small.size, 0);
  });

  const names = fc.array(
    fc.record({
      inode: fc.bigInt({ min: 1n, max: 12n }),
      links: fc.integer({ min: 1, max: 4 }),
      mtimeNsec: fc.constantFrom(0, 0, 0, 1),
    }),
    { maxLength: 200 },
  );

  it('answers the same from memory, from its file, and when planned entries are replayed', () => {
    fc.assert(
      fc.property(names, fc.nat(200), (seen, cut) => {
        using memory = new LinkGroups({ scratch });
        using file = new LinkGroups({ scratch, limit: 2 });
        const walked = seen.map((fields, i) => entry({ ...fields, path: Buffer.from(`${i}`) }));
        const planned = walked.map((fresh): Entry => {
          const link = memory.see(fresh);
          return link ? { ...fresh, type: 'hardlink', link, size: 0 } : fresh;
        });
        assert.deepEqual(
          walked.map((fresh) => file.see(fresh)),
          planned.map(({ link }) => link),
        );
        using resumed = new LinkGroups({ scratch });
        for (const before of planned.slice(0, cut)) resumed.see(before);
        const rest = walked.slice(cut).map((fresh) => resumed.see(fresh));
        assert.deepEqual(
          rest,
          planned.slice(cut).map(({ link }) => link),
        );
      }),
      { numRuns: 200 },
    );
  });
});
