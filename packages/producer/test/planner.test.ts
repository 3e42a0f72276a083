import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  compileExcludes,
  itemRange,
  LinkGroups,
  MAX_ITEMS,
  readSegment,
  type SegmentPart,
  TapeError,
  Volume,
} from '@longshore/tape';
import fc from 'fast-check';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { type PlannedSegment, Planner } from '../src/plan/planner.ts';
import { compareInWalkOrder } from '../src/plan/walk-order.ts';
import { HEADER, ITEM, SparseVolume } from './sparse-volume.ts';

/** Ends a planner as a crash would: what it has emitted is all there is. */
class Stopped extends Error {}

describe('the planner', () => {
  let temp: TempFolder;
  let volume: SparseVolume;
  let folders = 0;

  beforeEach(async () => {
    temp = await tempFolder('planner');
    volume = new SparseVolume(join(temp.path, 'volume'));
  });
  afterEach(async () => {
    await volume[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  function newFolder(): string {
    const path = join(temp.path, `spool-${folders++}`);
    mkdirSync(path);
    return path;
  }

  interface Planned extends PlannedSegment {
    parts: SegmentPart[];
  }

  /** Plans on from `durable` segments, and at most `limit` more; returns the new ones. */
  function plan(durable: readonly PlannedSegment[] = [], limit = Number.POSITIVE_INFINITY): Planned[] {
    const kept = newFolder();
    const segments: Planned[] = [];
    using opened = Volume.open(volume.path);
    using links = new LinkGroups({ scratch: temp.path });
    const emit = (segment: PlannedSegment) => {
      if (segments.length === limit) throw new Stopped();
      const file = join(kept, String(segment.item));
      copyFileSync(segment.file, file);
      segments.push({ ...segment, file, parts: [...readSegment(file)] });
    };
    const planner = new Planner({
      volume: opened,
      exclude: compileExcludes([]),
      links,
      spool: newFolder(),
      emit,
    });
    for (const { file, digest } of durable) planner.replay(file, digest);
    try {
      planner.run();
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
    return segments;
  }

  const digests = (segments: readonly PlannedSegment[]) => segments.map(({ digest }) => digest);
  const pathsOf = ({ parts }: Planned, kind: 'entry' | 'skipped') =>
    parts.flatMap((part) => {
      if (part.kind !== kind) return [];
      return [
        part.kind === 'entry' ? part.entry.path.toString() : 'path' in part ? part.path.toString() : '',
      ];
    });

  /** Whatever the planner has done by then, another one that goes on from it plans the same. */
  function assertResumable(whole: readonly Planned[]): void {
    for (let done = 0; done <= whole.length; done++) {
      assert.deepEqual(
        digests(plan(whole.slice(0, done))),
        digests(whole.slice(done)),
        `resumed after ${done}`,
      );
    }
  }

  /** … also where each one dies after a single segment. */
  function assertResumableEachTime(whole: readonly Planned[]): void {
    const durable: Planned[] = [];
    while (!durable.at(-1)?.last) durable.push(...plan(durable, 1));
    assert.deepEqual(digests(durable), digests(whole));
  }

  it('makes one segment of an empty volume', () => {
    const [only, ...more] = plan();
    assert.deepEqual(more, []);
    assert.deepEqual([only.item, only.start, only.end, only.filesSoFar, only.last], [0, 0, HEADER, 0, true]);
  });

  it('cuts the tape into ranges without a gap, and marks the last one', () => {
    volume.file('a', 3.5 * ITEM).file('b', 2 * ITEM);
    const segments = plan();
    for (const [n, { item, start, end, last }] of segments.entries()) {
      assert.equal(item, n);
      assert.equal(start, itemRange(n).start);
      assert.equal(last, n === segments.length - 1);
      assert.equal(end, last ? 5.5 * ITEM + 3 * HEADER : itemRange(n).end);
    }
  });

  it('chains segments by their digests', () => {
    volume.file('a', 2 * ITEM);
    const segments = plan();
    const previous = segments.map(({ parts }) => parts.find((part) => part.kind === 'head')?.previous);
    assert.deepEqual(previous, ['', ...digests(segments).slice(0, -1)]);
  });

  it('repeats an entry, with its whole plan, in every segment that it reaches into', () => {
    volume
      .file('a')
      .file('b', 2.5 * ITEM)
      .file('c');
    const segments = plan();
    assert.deepEqual(
      segments.map((segment) => pathsOf(segment, 'entry')),
      [['', 'a', 'b'], ['b'], ['b', 'c']],
    );
    const heads = segments.flatMap(({ parts }) => parts.filter((part) => part.kind === 'head'));
    assert.deepEqual(
      heads.map(({ tapeOffset }) => tapeOffset),
      [0, 2 * HEADER, 2 * HEADER],
    );
  });

  it('counts files once, however many segments they are in', () => {
    volume
      .file('a')
      .file('b', 2.5 * ITEM)
      .file('c');
    assert.deepEqual(
      plan().map(({ filesSoFar }) => filesSoFar),
      [2, 2, 3],
    );
  });

  it('lets a segment end with an entry that ends there', () => {
    volume.file('a', ITEM - 2 * HEADER).file('b');
    assert.deepEqual(
      plan().map((segment) => pathsOf(segment, 'entry')),
      [['', 'a'], ['b']],
    );
  });

  it('needs no further segment where the last entry ends with one', () => {
    volume.file('a', ITEM - 2 * HEADER);
    assert.deepEqual(
      plan().map(({ end, last }) => [end, last]),
      [[ITEM, true]],
    );
  });

  it('lists names that it skips', async () => {
    await volume.file('a').socket('b');
    assert.deepEqual(pathsOf(plan()[0], 'skipped'), ['b']);
  });

  it('refuses a volume that needs more tape than an upload can hold', () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) volume.file(name, 8 * 2 ** 40);
    using opened = Volume.open(volume.path);
    using links = new LinkGroups({ scratch: temp.path });
    let items = 0;
    const emit = ({ file }: PlannedSegment) => {
      items++;
      rmSync(file);
    };
    const planner = new Planner({
      volume: opened,
      exclude: compileExcludes([]),
      links,
      spool: newFolder(),
      emit,
    });
    assert.throws(
      () => planner.run(),
      (error) => error instanceof TapeError && error.code === 'TAPE_TOO_LONG',
    );
    assert.ok(items < MAX_ITEMS);
  }).timeout(300_000);

  describe('that takes over from another one plans the same', () => {
    it('inside of files that span items', () => {
      volume
        .file('a', 1.5 * ITEM)
        .file('b', 3 * ITEM)
        .file('c');
      const whole = plan();
      assertResumable(whole);
      assertResumableEachTime(whole);
    });

    it('where entries end with an item', () => {
      volume
        .file('a', ITEM - 2 * HEADER)
        .file('b', ITEM - HEADER)
        .file('c/d', ITEM - 2 * HEADER);
      const whole = plan();
      assert.equal(whole.length, 3);
      assertResumable(whole);
      assertResumableEachTime(whole);
    });

    it('where names are skipped at an item’s end, before and behind it', async () => {
      volume
        .file('a', ITEM - 2 * HEADER)
        .file('c', ITEM)
        .file('f', ITEM);
      for (const name of ['0', 'b1', 'b2', 'd', 'g']) await volume.socket(name);
      const whole = plan();
      assert.deepEqual(
        whole.map((segment) => pathsOf(segment, 'skipped')),
        [['0', 'b1', 'b2'], [], ['d'], ['g']],
      );
      assertResumable(whole);
      assertResumableEachTime(whole);
    });

    it('where hard links join what lies in different items', () => {
      volume.file('a/1').file('a/2', ITEM).file('b', ITEM).file('c/1', ITEM);
      volume.hardLink('b2/x', 'a/1').hardLink('c/2', 'a/2').hardLink('d', 'a/2').hardLink('e', 'c/1');
      const whole = plan();
      const links = whole.flatMap(({ parts }) =>
        parts.flatMap((part) =>
          part.kind === 'entry' && part.entry.type === 'hardlink' ? [part.entry] : [],
        ),
      );
      assert.deepEqual(
        links.map(({ path, link }) => `${path} → ${link}`),
        ['b2/x → a/1', 'c/2 → a/2', 'd → a/2', 'e → c/1'],
      );
      assertResumable(whole);
      assertResumableEachTime(whole);
    });

    it('in directories that are deep, and where one ends', () => {
      volume.file('a/b/c/d', ITEM).file('a/b/e', ITEM).file('a/f', ITEM).file('g/h', ITEM).file('g-', ITEM);
      const whole = plan();
      assertResumable(whole);
      assertResumableEachTime(whole);
    });

    it('for any tree of small and large files', () => {
      const sizes = fc.constantFrom(0, 1, HEADER, ITEM - 2 * HEADER, ITEM - HEADER, ITEM, 2 * ITEM + 1);
      const names = fc.constantFrom('a', 'a/b', 'a-', 'b', 'b/a/a', 'c', 'c/d', 'd/e/f', 'd/e-');
      fc.assert(
        fc.property(fc.array(fc.tuple(names, sizes), { minLength: 1, maxLength: 6 }), (files) => {
          rmSync(volume.path, { recursive: true });
          volume = new SparseVolume(volume.path);
          // A leaf of its own, so that no name is both a directory and a file.
          for (const [name, size] of files) volume.file(`${name}/.leaf`, size);
          const whole = plan();
          assertResumable(whole);
        }),
        { numRuns: 12 },
      );
    }).timeout(300_000);
  });

  describe('that comes back to a volume which has changed', () => {
    it('goes on with the next sibling where its directory is gone, and says so', () => {
      volume.file('a', ITEM).file('m/1', ITEM).file('m/2', ITEM).file('z', ITEM);
      const whole = plan();
      const at = whole.findIndex((segment) => pathsOf(segment, 'entry').includes('m/1'));
      const durable = whole.slice(0, at + 1);
      rmSync(join(volume.path, 'm'), { recursive: true });
      const rest = plan(durable);
      const skipped = rest.flatMap(({ parts }) => parts.filter((part) => part.kind === 'skipped'));
      assert.deepEqual(
        skipped.map(({ path, reason }) => [path.toString(), reason]),
        [['m', 'vanished']],
      );
      const entries = rest.flatMap((segment) => pathsOf(segment, 'entry'));
      assert.ok(entries.includes('z'));
      assert.ok(!entries.includes('m/2'));
      assert.ok(rest.at(-1)?.last);
    });

    it('ends the tape with an empty item where nothing is left behind its last entry', () => {
      volume.file('a', ITEM - 2 * HEADER).file('b');
      const [first] = plan();
      rmSync(join(volume.path, 'b'));
      const [last, ...more] = plan([first]);
      assert.deepEqual([last.start, last.end, last.last, more.length], [ITEM, ITEM, true, 0]);
    });

    it('has names that were skipped meanwhile, and not those that it knows of', async () => {
      volume.file('a', ITEM - 2 * HEADER).file('d');
      await volume.socket('b');
      const [first] = plan();
      await volume.socket('c');
      assert.deepEqual(pathsOf(plan([first])[0], 'skipped'), ['c']);
    });
  });

  describe('refuses to replay', () => {
    it('a segment that doesn’t follow the one before', () => {
      volume.file('a', 3 * ITEM);
      const [first, second, third] = plan();
      for (const durable of [[second], [first, third], [first, { ...second, digest: 'other' }, third]]) {
        assert.throws(
          () => plan(durable),
          (error) => error instanceof TapeError && error.code === 'CORRUPT',
        );
      }
    });
  });
});

describe('walk order', () => {
  it('is that of the components, one after the other, bytewise', () => {
    const names = fc.array(fc.constantFrom('a', 'a-', 'a.b', 'b', 'ab', 'ä', '\x01'), { maxLength: 4 });
    const byComponents = (a: string[], b: string[]) => {
      for (let at = 0; at < Math.min(a.length, b.length); at++) {
        const order = Buffer.compare(Buffer.from(a[at]), Buffer.from(b[at]));
        if (order !== 0) return order;
      }
      return Math.sign(a.length - b.length);
    };
    fc.assert(
      fc.property(names, names, (a, b) => {
        // The root's path is empty, as is that of no component.
        const order = compareInWalkOrder(Buffer.from(a.join('/')), Buffer.from(b.join('/')));
        assert.equal(Math.sign(order), byComponents(a, b));
      }),
    );
  });
});
