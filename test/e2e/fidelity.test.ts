import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FORMATS, type Format } from '@longshore/shared';
import { execa } from 'execa';
import { compareTrees, type Difference } from '../fixtures/compare-trees.ts';
import { makeNastyTree, removeTree } from '../fixtures/nasty-tree.ts';
import {
  buildGoList,
  expectedEntries,
  listWithGo,
  listWithPython,
  type TarEntry,
} from '../fixtures/tar-entries.ts';
import { type ExportJson, runExport } from '../harness/longshore.ts';
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

/** Where libarchive 3.6 fails on any archive. */
const BSDTAR_LIMITS: readonly Rule[] = [
  // A negative time's fraction counts towards the future.
  ({ field, left = '' }) => field === 'mtime' && /^-\d*[1-9]\d{0,8}$/.test(left) && !left.endsWith('0'.repeat(9)),
  // Extracting into a directory that is there leaves its time.
  ({ path, field }) => path === '' && field === 'mtime',
  // Times of directories are set at the end, by their whole paths.
  ({ path, field }) => isTooDeep(path) && field === 'mtime',
  // An id is an int.
  ({ path, field }) => path === 'acls/file' && field === 'xattrs',
  // GNU tar's %3D for = stays as it is, and its %25.
  ({ path, field }) => /^xattrs\/(file|directory|linked|linked-too)$/.test(path) && field === 'xattrs',
];

describe('an archive of everything that breaks archivers', function () {
  this.timeout(120_000);
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
      let result: ExportJson;
      let archive: string;

      before(async () => {
        ({ archive, result } = await exported(format));
        tapes.add(result.tape.crc32);
      });
      after(() => removeTree(join(temp.path, format)));

      it('is the same tape in several parts', () => {
        assert.equal(result.archive.parts, 5);
        assert.deepEqual([...tapes], [result.tape.crc32]);
        assert.deepEqual([result.entries.count, result.skipped.count], [expected.length, 1]);
      });

      it('is extracted by GNU tar as the tree was', async () => {
        const flags = ['--numeric-owner', '--xattrs', '--xattrs-include=*', '--acls', '--warning=no-timestamp'];
        const { stderr, differences } = await extracted('tar', [...flags, `--exclude=${DEEPEST}`], GNU_TAR_LIMITS);
        assert.deepEqual(differences, []);
        assert.match(stderr, /^(tar: Ignoring unknown extended header keyword 'hdrcharset'\n?)+$/);
      });

      it("is extracted by bsdtar as the tree was, but for bsdtar's own limits", async () => {
        const flags = ['--numeric-owner', '--acls', '--xattrs'];
        const { stderr, differences } = await extracted('bsdtar', flags, BSDTAR_LIMITS);
        assert.deepEqual(differences, []);
        assert.equal(stderr, '');
      });

      it("has the tree's entries in Python's tarfile", async () => {
        assert.deepEqual(listWithPython(await withoutZstd()), expected);
      });

      it("has the tree's entries in Go's archive/tar", async () => {
        assert.deepEqual(listWithGo(goList, await withoutZstd()), expected);
      });

      /** Extracts the archive into a new folder, and compares it with the source. */
      async function extracted(program: string, flags: readonly string[], limits: readonly Rule[]) {
        const target = join(temp.path, format, program);
        mkdirSync(target);
        try {
          const args = [...flags, '-xpf', archive, '-C', target];
          const { stderr } = await execa(program, args, { env: { LC_ALL: 'C.UTF-8' } });
          return { stderr, differences: compareTrees(source, target, { ignore: [SOCKET, ...limits] }) };
        } finally {
          removeTree(target);
        }
      }

      /** Neither Go's standard library nor Python 3.11's knows zstd. */
      async function withoutZstd(): Promise<string> {
        if (format !== 'tar.zst') return archive;
        const tape = join(temp.path, format, 'tape.tar');
        await execa('zstd', ['-d', '-q', '-f', archive, '-o', tape]);
        return tape;
      }
    });
  }

  async function exported(format: Format): Promise<{ archive: string; result: ExportJson }> {
    const folder = join(temp.path, format);
    const args = ['--name', 'nasty', '--format', format];
    const { exitCode, result, stderr } = await runExport(source, folder, { args });
    assert.equal(exitCode, 0, stderr);
    assert.ok(result);
    return { archive: join(folder, `nasty.${format}`), result };
  }
});
