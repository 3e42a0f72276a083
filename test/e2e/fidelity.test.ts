import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { FORMATS, type Format } from '@longshore/shared';
import { execa } from 'execa';
import { BSDTAR_LIMITS } from '../fixtures/bsdtar-limits.ts';
import { compareTrees, type Difference } from '../fixtures/compare-trees.ts';
import { makeNastyTree, removeTree } from '../fixtures/nasty-tree.ts';
import {
  buildGoList,
  expectedEntries,
  listWithGo,
  listWithPython,
  type TarEntry,
} from '../fixtures/tar-entries.ts';
import { indexedEntries } from '../harness/indexed-entries.ts';
import { runExport } from '../harness/longshore.ts';
import { Published } from '../harness/published.ts';
import { TapeFile } from '../harness/tape-file.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { installedTool } from '../harness/tools.ts';

type Rule = (difference: Difference) => boolean;

/**
 * Linux takes no longer path in one system call, and GNU tar makes one call of each name. What lies deeper it
 * can't extract; Python and Go list all of it, and bsdtar goes down directory by directory.
 */
const PATH_MAX = 4096;
const isTooDeep = (path: string) => path.length > PATH_MAX - './\0'.length;

/** The tree's long chain: the first directory in it that is too deep, as `--exclude` has it. */
const DEEPEST = `./${Array(21).fill('d'.repeat(200)).join('/')}`;

/** A socket has no entry in any tar. */
const SOCKET: Rule = ({ path, field }) => path === 'socket' && field === 'entry';

const GNU_TAR_LIMITS: readonly Rule[] = [({ path, field }) => isTooDeep(path) && field === 'entry'];

describe('an archive of everything that breaks archivers', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let source: string;
  let expected: TarEntry[];
  let goList: string;
  const tapes = new Set<string>();

  before(async () => {
    temp = await tempFolder('fidelity');
    source = join(temp.path, 'source');
    goList = join(temp.path, 'go-tar-list');
    mkdirSync(source);
    makeNastyTree(source, { seed: 3, itemBoundary: true });
    expected = expectedEntries(source);
    buildGoList(await installedTool('go'), goList);
  });
  after(async () => {
    removeTree(source);
    await temp[Symbol.asyncDispose]();
  });

  for (const format of FORMATS) {
    describe(format, () => {
      let folder: string;
      let published: Published;
      let tape: TapeFile;

      before(async () => {
        folder = join(temp.path, format);
        published = await exported(format);
        tape = await TapeFile.of(published, join(folder, 'tape.tar'));
      });
      after(() => {
        published?.[Symbol.dispose]();
        tape?.[Symbol.dispose]();
        removeTree(folder);
      });

      it('is the same tape in several parts, without a socket', () => {
        const { archive, entries, skipped } = published.manifest;
        tapes.add(published.manifest.tape.crc32);
        assert.equal(tapes.size, 1);
        assert.equal(archive.parts, 5);
        assert.equal(entries.count, expected.length);
        assert.deepEqual(skipped, { count: 1, lost: 0, first: [{ path: 'socket', reason: 'socket' }] });
      });

      it('is extracted by GNU tar as the tree was', async () => {
        const attributes = ['--xattrs', '--xattrs-include=*', '--acls'];
        const options = [...attributes, '--numeric-owner', '--warning=no-timestamp', `--exclude=${DEEPEST}`];
        const { stderr, differences } = await extracted('tar', options, GNU_TAR_LIMITS);
        assert.deepEqual(differences, []);
        assert.match(stderr, /^(tar: Ignoring unknown extended header keyword 'hdrcharset'\n?)+$/);
      });

      it("is extracted by bsdtar as the tree was, but for bsdtar's own limits", async () => {
        const options = ['--acls', '--xattrs', '--numeric-owner'];
        const { stderr, differences } = await extracted('bsdtar', options, BSDTAR_LIMITS);
        assert.deepEqual(differences, []);
        assert.equal(stderr, '');
      });

      // Neither Go's standard library nor Python before 3.14 knows zstd.
      const readable = () => (format === 'tar.zst' ? tape.path : published.archive);

      it("has the tree's entries in Python's tarfile", () => {
        assert.deepEqual(listWithPython(readable()), expected);
      });

      it("has the tree's entries in Go's archive/tar", () => {
        assert.deepEqual(listWithGo(goList, readable()), expected);
      });

      it("has the tree's entries in its index, and their bytes where the index says", () => {
        const known = expected.map(({ xattrs: _, device: __, ...entry }) => entry);
        assert.deepEqual(indexedEntries(published, tape), known);
      });

      it("has every file's CRC-32 in its index", () => {
        for (const file of published.files) {
          assert.equal(
            file.crc32,
            file.type === 'file' ? crc32(tape.content(file)) : null,
            String(file.path),
          );
        }
      });

      it('has every byte of the tape in a frame that is decoded alone, where the index says', () => {
        let end = 0;
        let crc = 0;
        for (const frame of published.frames) {
          const raw = tape.read(end, frame.tape_bytes);
          assert.equal(frame.tape_offset, end);
          assert.ok(published.decode(frame).equals(raw), `frame at ${end}`);
          end += frame.tape_bytes;
          crc = crc32(raw, crc);
        }
        assert.equal(crc.toString(16).padStart(8, '0'), published.manifest.tape.crc32);
        assert.deepEqual([end, tape.bytes], Array(2).fill(published.manifest.tape.bytes));
      });

      /** Extracts the archive into a new folder, and compares it with the source. */
      async function extracted(program: string, options: readonly string[], limits: readonly Rule[]) {
        const target = join(folder, program);
        mkdirSync(target);
        try {
          const args = [...options, '-xpf', published.archive, '-C', target];
          const { stderr } = await execa(program, args, { env: { LC_ALL: 'C.UTF-8' } });
          return { stderr, differences: compareTrees(source, target, { ignore: [SOCKET, ...limits] }) };
        } finally {
          removeTree(target);
        }
      }
    });
  }

  async function exported(format: Format): Promise<Published> {
    const folder = join(temp.path, format);
    const { exitCode, stderr } = await runExport(source, folder, {
      args: ['--name', 'nasty', '--format', format],
    });
    assert.equal(exitCode, 0, stderr);
    return new Published(folder, { name: 'nasty', format });
  }
});
