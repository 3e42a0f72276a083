import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import type { DriftKind } from '@longshore/shared';
import fc from 'fast-check';
import { randomBytes, seededRandom } from '../../../test/fixtures/random-tree.ts';
import {
  crc32,
  createCodec,
  entryBytes,
  FRAME_BYTES,
  TapeError,
  Volume,
  vanishedTooMany,
} from '../src/index.ts';
import { directory, entry } from './awkward-entries.ts';
import { cut, planOf, referenceTape, render, type TestItem } from './planned-tree.ts';

const NOON = new Date('2026-01-01T12:00:00Z');

const isCode = (code: string, errno?: string) => (error: unknown) =>
  error instanceof TapeError && error.code === code && (errno === undefined || error.errno === errno);

describe('rendering', () => {
  let folder: string;
  let root: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-render-'));
    root = join(folder, 'volume');
    mkdirSync(root);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const at = (...names: string[]) => join(root, ...names);
  const whole = (): TestItem => cut(planOf(root, folder), { boundaries: [], folder })[0];

  /** Small, with a file for each number of bytes at which padding is different, and headers of several sizes. */
  function makeSmallTree(): void {
    const random = seededRandom(1);
    for (const size of [0, 1, 511, 512, 513, 5_000]) writeFileSync(at(`f${size}`), randomBytes(random, size));
    mkdirSync(at('dir', 'deep'), { recursive: true });
    writeFileSync(at('dir', 'deep', `${'long-'.repeat(40)}ü`), 'a name that needs pax');
    linkSync(at('f513'), at('dir', 'hardlink'));
    symlinkSync('../f1', at('dir', 'symlink'));
  }

  describe('gives the same tape', () => {
    it('wherever it is cut into items: inside headers, contents and padding', () => {
      makeSmallTree();
      const plan = planOf(root, folder);
      const tape = referenceTape(root, plan);
      using volume = Volume.open(root);
      const boundaries = fc
        .uniqueArray(fc.nat(tape.length), { maxLength: 12 })
        .map((cuts) => cuts.sort((a, b) => a - b));
      const property = fc.property(boundaries, (boundaries) => {
        const items = cut(plan, { boundaries, folder });
        const rendered = items.map((item) => render(volume, item));
        assert.ok(Buffer.concat(rendered.flatMap(({ output }) => output)).equals(tape));
        for (const [n, { start, end }] of items.entries()) {
          assert.equal(rendered[n].crc32, crc32(tape.subarray(start, end)));
          assert.deepEqual(rendered[n].drift, []);
        }
      });
      fc.assert(property, { numRuns: 60 });
    });

    it('in part, for any range within an item', () => {
      makeSmallTree();
      const plan = planOf(root, folder);
      const tape = referenceTape(root, plan);
      const [item] = cut(plan, { boundaries: [], folder });
      using volume = Volume.open(root);
      const ranges = fc
        .tuple(fc.nat(tape.length), fc.nat(tape.length))
        .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
        .filter(({ start, end }) => end > start);
      const property = fc.property(ranges, ({ start, end }) => {
        const { output } = render(volume, { ...item, start, end }, { onChange: 'fail' });
        assert.ok(Buffer.concat(output).equals(tape.subarray(start, end)));
      });
      fc.assert(property, { numRuns: 100 });
    });

    const decompress = {
      'tar.zst': (frames: Buffer[]) => frames.map((frame) => zstdDecompressSync(frame)),
      'tar.gz': (frames: Buffer[]) =>
        frames.map((frame) => inflateRawSync(frame, { finishFlush: constants.Z_SYNC_FLUSH })),
      tar: (frames: Buffer[]) => frames,
    };
    for (const format of ['tar.zst', 'tar.gz', 'tar'] as const) {
      it(`in whole frames of ${format}, the same ones whichever items they are in`, () => {
        writeFileSync(at('large'), randomBytes(seededRandom(2), 9 * 2 ** 20));
        writeFileSync(at('text'), 'anchor '.repeat(300_000));
        const plan = planOf(root, folder);
        const tape = referenceTape(root, plan);
        using volume = Volume.open(root);
        const codec = createCodec(format, format === 'tar' ? 0 : 1);
        const framesOf = (boundaries: number[]) =>
          cut(plan, { boundaries, folder }).flatMap((item) => {
            const { output, frames } = render(volume, item, { codec });
            assert.deepEqual(
              [...frames],
              output.map(({ length }) => length),
            );
            return output;
          });
        const frames = framesOf([]);
        assert.equal(frames.length, Math.ceil(tape.length / FRAME_BYTES));
        assert.ok(Buffer.concat(decompress[format](frames)).equals(tape));
        for (const boundaries of [[FRAME_BYTES], [2 * FRAME_BYTES], [FRAME_BYTES, 2 * FRAME_BYTES]])
          assert.ok(Buffer.concat(framesOf(boundaries)).equals(Buffer.concat(frames)));
      });
    }

    it('of a file with holes as of one with zeros in their place', () => {
      const data = Buffer.from('some data');
      const islands = [0, FRAME_BYTES + 5, 3 * FRAME_BYTES - 3, 11 * 2 ** 20];
      const size = 13 * 2 ** 20 + 77;
      const sparse = at('sparse');
      const dense = join(folder, 'dense');
      mkdirSync(sparse);
      mkdirSync(dense);
      writeFileSync(join(dense, 'image'), Buffer.alloc(size));
      writeFileSync(join(sparse, 'image'), '');
      truncateSync(join(sparse, 'image'), size);
      for (const tree of [sparse, dense]) {
        const fd = openSync(join(tree, 'image'), 'r+');
        for (const island of islands) writeSync(fd, data, 0, data.length, island);
        closeSync(fd);
        utimesSync(join(tree, 'image'), NOON, NOON);
        utimesSync(tree, NOON, NOON);
      }
      const [fromHoles, fromZeros] = [sparse, dense].map((tree) => {
        using volume = Volume.open(tree);
        return render(volume, cut(planOf(tree, folder), { boundaries: [], folder })[0], {
          codec: createCodec('tar.zst', 3),
        });
      });
      assert.ok(Buffer.concat(fromHoles.output).equals(Buffer.concat(fromZeros.output)));
      assert.deepEqual([...fromHoles.crcs], [...fromZeros.crcs]);
      assert.equal(fromHoles.crc32, fromZeros.crc32);
    });
  });

  describe('of a file that is not as planned', () => {
    const CONTENT = 'x'.repeat(2_000);
    const names = ['a', 'b', 'c'];

    beforeEach(() => {
      for (const name of names) writeFileSync(at(name), CONTENT.replaceAll('x', name));
    });

    /** Renders after `change` has happened to the file in the middle; its neighbours must be as they were. */
    function driftedBy(change: () => void): { kinds: DriftKind[]; content: string } {
      const plan = planOf(root, folder);
      const item = cut(plan, { boundaries: [], folder })[0];
      using volume = Volume.open(root);
      change();
      const { output, drift, crc32: crc, crcs } = render(volume, item);
      const tape = Buffer.concat(output);
      assert.equal(tape.length, item.end);
      assert.equal(crc, crc32(tape));
      const [a, b, c] = contents(
        tape,
        plan.map(({ entry }) => entryBytes(entry)),
      );
      assert.equal(a, CONTENT.replaceAll('x', 'a'));
      assert.equal(c, CONTENT.replaceAll('x', 'c'));
      assert.deepEqual(
        [...crcs],
        [a, b, c].map((content) => crc32(content)),
      );
      for (const { row } of drift) assert.equal(row, 2);
      return { kinds: drift.map(({ kind }) => kind), content: b };
    }

    /** Contents of the three files; the tape begins with the root's header. */
    function contents(tape: Buffer, sizes: number[]): string[] {
      const ends = sizes.map((_, n) => sizes.slice(0, n + 1).reduce((sum, size) => sum + size, 0));
      return ends.slice(1).map((end) => tape.subarray(end - 2_048, end - 48).toString());
    }

    const ZEROS = '\0'.repeat(2_000);

    it('fills what it lost with zeros', () => {
      const { kinds, content } = driftedBy(() => truncateSync(at('b'), 700));
      assert.deepEqual(kinds, ['shrank']);
      assert.equal(content, 'b'.repeat(700) + '\0'.repeat(1_300));
    });

    it('cuts what it gained', () => {
      const { kinds, content } = driftedBy(() => appendFileSync(at('b'), 'more'));
      assert.deepEqual(kinds, ['grew']);
      assert.equal(content, 'b'.repeat(2_000));
    });

    it('tells that it was written to, though its size is what it was', () => {
      const { kinds, content } = driftedBy(() => writeFileSync(at('b'), 'B'.repeat(2_000)));
      assert.deepEqual(kinds, ['changed']);
      assert.equal(content, 'B'.repeat(2_000));
    });

    it('tells that another file has its name, though all its times are turned back', () => {
      const { kinds } = driftedBy(() => {
        writeFileSync(at('new'), 'B'.repeat(2_000));
        utimesSync(at('new'), NOON, NOON);
        renameSync(at('new'), at('b'));
      });
      assert.deepEqual(kinds, ['changed']);
    });

    it('has zeros for one that vanished', () => {
      const { kinds, content } = driftedBy(() => rmSync(at('b')));
      assert.deepEqual(kinds, ['vanished']);
      assert.equal(content, ZEROS);
    });

    it('has zeros for one that is a link or a directory now, wherever that leads', () => {
      for (const replace of [() => symlinkSync('/etc/passwd', at('b')), () => mkdirSync(at('b'))]) {
        const { kinds, content } = driftedBy(() => {
          rmSync(at('b'), { recursive: true });
          replace();
        });
        assert.deepEqual(kinds, ['changed']);
        assert.equal(content, ZEROS);
        rmSync(at('b'), { recursive: true });
        writeFileSync(at('b'), CONTENT.replaceAll('x', 'b'));
      }
    });

    it('tells of an empty one, too, that it is gone or has grown', () => {
      for (const name of names) truncateSync(at(name), 0);
      const item = whole();
      using volume = Volume.open(root);
      rmSync(at('a'));
      appendFileSync(at('c'), 'more');
      assert.deepEqual(render(volume, item).drift, [
        { row: 1, kind: 'vanished' },
        { row: 3, kind: 'grew' },
      ]);
    });

    it('tells it in every item that holds a piece of it', () => {
      writeFileSync(at('b'), Buffer.alloc(9_000, 'b'));
      const plan = planOf(root, folder);
      const [before, after] = [plan.slice(0, 2), plan.slice(0, 3)].map((entries) =>
        entries.reduce((sum, { entry }) => sum + entryBytes(entry), 0),
      );
      const items = cut(plan, { boundaries: [before + 4_096, after - 4_096], folder });
      using volume = Volume.open(root);
      appendFileSync(at('b'), 'more');
      const kinds = items.map((item) => render(volume, item).drift.map(({ kind }) => kind));
      assert.deepEqual(kinds, [['grew'], ['grew'], ['grew']]);
    });

    it('doesn’t go by device or inode numbers where the mount has others', () => {
      const moved = planOf(root, folder).map(({ entry }) => ({
        entry: { ...entry, inode: entry.inode + 1_000n },
        unreadable: false,
      }));
      using volume = Volume.open(root);
      assert.deepEqual(render(volume, cut(moved, { boundaries: [], folder })[0]).drift, []);
    });

    it('gives no byte of a file away that changed while it was read, where drift ends everything', () => {
      const content = randomBytes(seededRandom(5), 3 * FRAME_BYTES);
      const large = at('c-large');
      for (const spoil of [() => truncateSync(large, 100), () => utimesSync(large, 1, 1)]) {
        writeFileSync(large, content);
        const plan = planOf(root, folder);
        const tape = referenceTape(root, plan);
        const [item] = cut(plan, { boundaries: [], folder });
        using volume = Volume.open(root);
        const given: Buffer[] = [];
        const frame = (compressed: Buffer) => {
          given.push(Buffer.from(compressed));
          spoil();
        };
        assert.throws(
          () => render(volume, item, { onChange: 'fail', sink: { frame } }),
          (error) => isCode('DRIFT')(error) && (error as TapeError).drift?.path === '"c-large"',
        );
        assert.equal(given.length, 1);
        assert.ok(given[0].equals(tape.subarray(0, FRAME_BYTES)));
      }
    });

    it('fails where the order says so, and names the file', () => {
      const item = whole();
      using volume = Volume.open(root);
      appendFileSync(at('b'), 'more');
      assert.throws(
        () => render(volume, item, { onChange: 'fail' }),
        (error) => isCode('DRIFT')(error) && String(error).includes('b'),
      );
    });
  });

  describe('of what could not be read when it was planned', () => {
    const unreadable = () =>
      planOf(root, folder).map(({ entry }) => ({ entry, unreadable: entry.path.length > 0 }));

    it('tells so, once, however many items its header is in', () => {
      mkdirSync(at('closed'));
      const plan = unreadable();
      const header = entryBytes(plan[0].entry);
      using volume = Volume.open(root);
      for (const boundaries of [[], [header], [header + 200]]) {
        const drift = cut(plan, { boundaries, folder }).flatMap((item) => render(volume, item).drift);
        assert.deepEqual(new Set(drift.map(({ kind }) => kind)), new Set(['unreadable']));
      }
    });

    it('fails where the order says so', () => {
      mkdirSync(at('closed'));
      const item = cut(unreadable(), { boundaries: [], folder })[0];
      using volume = Volume.open(root);
      assert.throws(() => render(volume, item, { onChange: 'fail' }), isCode('DRIFT'));
    });
  });

  describe('of a file whose bytes give EIO', () => {
    // A process's memory is a regular file, and nothing is mapped at its start.
    const path = `/proc/${process.pid}`;
    const plan = [directory(''), entry('mem', { size: 3_000 }), entry('cmdline', { size: 4 })];
    const item = () =>
      cut(
        plan.map((entry) => ({ entry, unreadable: false })),
        { boundaries: [], folder },
      )[0];

    it('fails the item, so that it is tried again: the volume may be at fault', () => {
      using volume = Volume.open(path);
      assert.throws(() => render(volume, item()), isCode('IO', 'EIO'));
    });

    it('has zeros for it when it was tried often enough', () => {
      using volume = Volume.open(path);
      const { output, drift } = render(volume, item(), { ioErrors: 'record-unreadable' });
      const tape = Buffer.concat(output);
      assert.deepEqual(drift[0], { row: 1, kind: 'unreadable' });
      assert.ok(tape.subarray(1_024, 1_024 + 3_072).every((byte) => byte === 0));
      assert.deepEqual(tape.subarray(-512, -508), readFileSync(join(path, 'cmdline')).subarray(0, 4));
    });

    it('never takes an error of whoever takes the frames for the file’s', () => {
      writeFileSync(at('file'), 'content');
      using volume = Volume.open(root);
      const full = Object.assign(new Error('the spool’s disk'), { code: 'EIO', errno: 5, syscall: 'write' });
      const sink = {
        frame: () => {
          throw full;
        },
      };
      const rendering = () => render(volume, whole(), { ioErrors: 'record-unreadable', sink });
      assert.throws(rendering, (error) => error === full);
      writeFileSync(at('file'), Buffer.alloc(FRAME_BYTES, 'x'));
      assert.throws(rendering, (error) => error === full);
    });
  });

  describe('of a volume that goes away', () => {
    function fill(files: number): void {
      mkdirSync(at('d'));
      for (let n = 0; n < files; n++) writeFileSync(at('d', `f${n}`), 'content');
    }
    const removeFiles = (count: number) => {
      for (let n = 0; n < count; n++) rmSync(at('d', `f${n}`));
    };

    const RULE: [vanished: number, files: number, gone: boolean][] = [
      [16, 16, false],
      [17, 17, true],
      [17, 1_600, true],
      [17, 1_700, false],
      [1_000, 100_000, false],
      [1_001, 100_000, true],
    ];
    for (const [vanished, files, gone] of RULE) {
      it(`${gone ? 'fails' : 'goes on'} where ${vanished} of ${files} files vanished`, () => {
        assert.equal(vanishedTooMany(vanished, files), gone);
      });
    }

    it('records as many files as people may well delete meanwhile', () => {
      fill(40);
      const item = whole();
      using volume = Volume.open(root);
      removeFiles(16);
      assert.equal(render(volume, item).drift.length, 16);
    });

    it('fails where more than that are gone, whatever the order says of changes', () => {
      fill(40);
      const item = whole();
      using volume = Volume.open(root);
      removeFiles(17);
      assert.throws(() => render(volume, item), isCode('VOLUME_GONE'));
    });

    for (const onChange of ['record', 'fail'] as const) {
      it(`fails as gone where its root is empty, also with onChange ${onChange}`, () => {
        fill(3);
        const item = whole();
        using volume = Volume.open(root);
        rmSync(at('d'), { recursive: true });
        assert.throws(() => render(volume, item, { onChange }), isCode('VOLUME_GONE'));
      });

      it(`fails as gone where another directory is in its place, also with onChange ${onChange}`, () => {
        fill(3);
        const item = whole();
        using volume = Volume.open(root);
        renameSync(root, join(folder, 'elsewhere'));
        mkdirSync(root);
        assert.throws(() => render(volume, item, { onChange }), isCode('VOLUME_GONE'));
      });
    }

    it('takes an empty volume for what it is', () => {
      lutimesSync(root, NOON, NOON);
      using volume = Volume.open(root);
      assert.deepEqual(render(volume, whole()).drift, []);
    });
  });

  it('ends where the sink throws', () => {
    makeSmallTree();
    using volume = Volume.open(root);
    const stop = new Error('stop');
    const sink = {
      frame: () => {
        throw stop;
      },
    };
    assert.throws(
      () => render(volume, whole(), { sink }),
      (error) => error === stop,
    );
  });

  it('refuses a segment that isn’t of its range', () => {
    makeSmallTree();
    using volume = Volume.open(root);
    const item = whole();
    assert.throws(() => render(volume, { ...item, end: item.end + 512 }), isCode('CORRUPT'));
  });
});
