import assert from 'node:assert/strict';
import { mkdir, mkdtemp, open, readdir, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Entry } from '../src/entry.ts';
import { encodeHeader, entryBytes } from '../src/header.ts';
import { TRAILER_BYTES } from '../src/layout.ts';
import { expected, type Facts, listWithBsdtar, listWithGnuTar, listWithPython } from './archive-listing.ts';
import {
  ACL_TEXT,
  BINARY,
  entry,
  NAMES,
  NEGATIVE_FRACTIONS,
  NUMBERS,
  TYPES,
  tapeOf,
  XATTRS,
} from './awkward-entries.ts';

const byName = (facts: Facts[]) => facts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
const withoutMode = ({ mode, ...facts }: Facts): Facts => facts;

/** libarchive's mtree: no hard links, and sizes of files alone. */
const asMtree = ({ size, link, ...facts }: Facts): Facts => ({
  ...facts,
  type: facts.type === 'hardlink' ? 'file' : facts.type,
  ...(['file', 'hardlink'].includes(facts.type) ? { size } : {}),
  ...(facts.type === 'symlink' ? { link } : {}),
});

describe('tar readers', () => {
  let folder: string;
  const archiveOf = async (entries: Entry[]) => {
    const archive = join(folder, 'archive.tar');
    await writeFile(archive, tapeOf(entries));
    return archive;
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longshore-tar-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  for (const [title, entries] of Object.entries({ NAMES, NUMBERS, TYPES })) {
    describe(`list ${title.toLowerCase()} as planned, without a warning`, () => {
      it('GNU tar', async () => {
        const { facts, warnings } = await listWithGnuTar(await archiveOf(entries));
        assert.deepEqual(facts, entries.map(expected).map(withoutMode));
        assert.equal(warnings, '');
      });

      it('bsdtar', async () => {
        const { facts, warnings } = await listWithBsdtar(await archiveOf(entries));
        assert.deepEqual(byName(facts), byName(entries.map(expected).map(asMtree)));
        assert.equal(warnings, '');
      });

      it('Python', async () => {
        const { facts, warnings } = await listWithPython(await archiveOf(entries));
        assert.deepEqual(facts, entries.map(expected));
        assert.equal(warnings, '');
      });
    });
  }

  it('list names that are neither UTF-8 nor short, and only GNU tar warns', async () => {
    const archive = await archiveOf(BINARY);
    const [gnu, bsd, python] = await Promise.all([
      listWithGnuTar(archive),
      listWithBsdtar(archive),
      listWithPython(archive),
    ]);
    assert.deepEqual(gnu.facts, BINARY.map(expected).map(withoutMode));
    assert.deepEqual(byName(bsd.facts), byName(BINARY.map(expected).map(asMtree)));
    assert.deepEqual(python.facts, BINARY.map(expected));
    assert.match(gnu.warnings, /^(tar: Ignoring unknown extended header keyword 'hdrcharset'\n?){2}$/);
    assert.equal(bsd.warnings + python.warnings, '');
  });

  it('Python reads a fraction of a second before the epoch as POSIX has it', async () => {
    const { members } = await listWithPython(await archiveOf(NEGATIVE_FRACTIONS));
    assert.deepEqual(
      members.map(({ pax, readTime }) => [pax.mtime, readTime]),
      [
        ['-1.5', -1.5],
        ['-0.000000001', -0.000000001],
      ],
    );
  });

  it('find the entry behind a file of 8 GiB', async () => {
    const entries = [entry('large', { size: 2 ** 33 }), entry('behind')];
    const archive = join(folder, 'large.tar');
    await using file = await open(archive, 'w');
    await file.write(encodeHeader(entries[0]), 0, undefined, 0);
    await file.write(encodeHeader(entries[1]), 0, undefined, entryBytes(entries[0]));
    await file.truncate(entryBytes(entries[0]) + entryBytes(entries[1]) + TRAILER_BYTES);
    const gnu = await listWithGnuTar(archive);
    const python = await listWithPython(archive);
    const bsd = await execa('bsdtar', ['-tvf', archive]);
    assert.deepEqual(gnu, { facts: entries.map(expected).map(withoutMode), warnings: '' });
    assert.deepEqual(python.facts, entries.map(expected));
    assert.match(bsd.stdout, /8589934592 .* \.\/large\n.* 0 .* \.\/behind$/);
  });

  it('Python hands ACLs and xattrs over as they were written', async () => {
    const { members } = await listWithPython(await archiveOf(XATTRS));
    assert.deepEqual(Object.fromEntries(members.map(({ name, pax }) => [name, pax])), {
      './xattr-text': { 'SCHILY.xattr.user.comment': 'hello' },
      './xattr-binary': { 'SCHILY.xattr.user.bytes': '\0\n=\xff\0' },
      './xattr-empty': { 'SCHILY.xattr.user.empty': '' },
      './xattr-names': {
        'SCHILY.xattr.user.100%': '1',
        'SCHILY.xattr.user.a%3Db': '2',
        'SCHILY.xattr.user.c%253Dd': '3',
      },
      './acl': { 'SCHILY.acl.access': ACL_TEXT },
      './acl-default': {
        'SCHILY.acl.default': 'user::rwx,user:1234:r-x,group::r-x,mask::r-x,other::---',
      },
    });
  });

  describe('extract', () => {
    const EXTRACT = {
      // It finds every time before the epoch implausible, and sets it all the same.
      tar: ['tar', '--warning=no-timestamp', '--xattrs', '--acls', '-xpf'],
      bsdtar: ['bsdtar', '-xpf'],
    };
    const extracted = async (reader: keyof typeof EXTRACT, entries: Entry[]) => {
      const target = join(folder, 'extracted');
      await mkdir(target);
      const [program, ...options] = [...EXTRACT[reader], await archiveOf(entries), '-C', target];
      const { stderr } = await execa(program, options, { env: { LC_ALL: 'C.UTF-8' } });
      assert.equal(stderr, '');
      return target;
    };
    const xattrOf = async (path: string, name: string) => {
      const options = ['--only-values', '--absolute-names', '-n', name, path];
      const { stdout } = await execa('getfattr', options, { encoding: 'buffer', stripFinalNewline: false });
      return Buffer.from(stdout).toString('latin1');
    };
    const aclOf = async (path: string) => {
      const { stdout } = await execa('getfacl', ['-cnp', path]);
      return stdout.trim().split('\n').join(',');
    };

    for (const reader of ['tar', 'bsdtar'] as const) {
      it(`${reader} restores xattrs and ACLs`, async () => {
        const target = await extracted(reader, XATTRS);
        assert.equal(await xattrOf(join(target, 'xattr-text'), 'user.comment'), 'hello');
        assert.equal(await xattrOf(join(target, 'xattr-binary'), 'user.bytes'), '\0\n=\xff\0');
        assert.equal(await xattrOf(join(target, 'xattr-empty'), 'user.empty'), '');
        assert.equal(await xattrOf(join(target, 'xattr-names'), 'user.100%'), '1');
        assert.equal(await aclOf(join(target, 'acl')), ACL_TEXT);
        assert.match(await aclOf(join(target, 'acl-default')), /default:user:1234:r-x/);
      });

      it(`${reader} restores names and links`, async () => {
        const target = await extracted(reader, [...NAMES, ...TYPES.slice(0, 6)]);
        const names = await readdir(target, { encoding: 'buffer' });
        assert.ok(names.some((name) => name.equals(Buffer.from([0xe4, 0xf6, 0xfc]))));
        assert.ok(names.some((name) => name.toString() === 'with\nnewline and \\ and %'));
        const [first, second] = await Promise.all(
          ['types-first', 'types-hardlink'].map((name) => stat(join(target, name))),
        );
        assert.equal(first.ino, second.ino);
        assert.equal(await readlink(join(target, 'types-symlink-101')), 'n'.repeat(101));
      });
    }

    it('tar restores a fraction of a second before the epoch', async () => {
      const target = await extracted('tar', NEGATIVE_FRACTIONS);
      const times = NEGATIVE_FRACTIONS.map(({ path }) => stat(join(target, String(path)), { bigint: true }));
      assert.deepEqual(
        (await Promise.all(times)).map(({ mtimeNs }) => mtimeNs),
        [-1_500_000_000n, -1n],
      );
    });

    it('tar restores what an encoded xattr name stands for', async () => {
      const target = await extracted('tar', XATTRS);
      assert.equal(await xattrOf(join(target, 'xattr-names'), 'user.a=b'), '2');
      assert.equal(await xattrOf(join(target, 'xattr-names'), 'user.c%3Dd'), '3');
    });
  });
});
