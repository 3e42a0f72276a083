import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { type Fields, snapshot } from '../../../test/fixtures/compare-trees.ts';
import { makeNastyTree, makeNested, removeTree } from '../../../test/fixtures/nasty-tree.ts';
import type { Entry } from '../src/entry.ts';
import { TapeError } from '../src/error.ts';
import { compileExcludes } from '../src/exclude.ts';
import { LinkGroups } from '../src/links.ts';
import { Volume, type VolumeOptions } from '../src/volume.ts';
import { type WalkStep, walk } from '../src/walk.ts';
import { openBelow } from './descriptors.ts';

interface Run {
  kernel?: VolumeOptions['kernel'];
  exclude?: readonly string[];
  /** Entries of an earlier walk; this one goes on behind the last of them. */
  planned?: readonly Entry[];
  /** Called with each step before the next one is looked for. */
  each?: (step: WalkStep) => void;
}

let dir: string;
let root: string;
const at = (path: string) => join(root, path);

function steps({ kernel, exclude = [], planned, each }: Run = {}): WalkStep[] {
  using volume = Volume.open(root, { kernel });
  using links = new LinkGroups({ scratch: dir });
  for (const entry of planned ?? []) links.see(entry);
  const found: WalkStep[] = [];
  for (const step of walk(volume, {
    exclude: compileExcludes(exclude),
    links,
    after: planned?.at(-1)?.path,
  })) {
    found.push(step);
    each?.(step);
  }
  return found;
}

function text(step: WalkStep): string {
  if (step.kind === 'lost') return `lost ${step.path}`;
  if (step.kind === 'skipped') return `${step.reason} ${step.path}`;
  const { path, type, link } = step.entry;
  return `${type} ${path}${link ? ` -> ${link}` : ''}${step.unreadable ? ' unreadable' : ''}`;
}

const texts = (run?: Run) => steps(run).map(text);
const entriesOf = (found: readonly WalkStep[]) =>
  found.flatMap((step) => (step.kind === 'entry' ? [step.entry] : []));
const pathOf = (step: WalkStep) => (step.kind === 'entry' ? step.entry.path : step.path);

/** Order of a walk: by components, bytewise, a directory first. */
function compareComponents(left: Buffer, right: Buffer): number {
  const [a, b] = [left, right].map((path) => path.toString('latin1').split('/'));
  const i = a.findIndex((component, index) => component !== b[index]);
  if (i < 0) return a.length - b.length;
  return b[i] === undefined || a[i] > b[i] ? 1 : -1;
}

beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'longshore-walk-')));
  root = join(dir, 'root');
  mkdirSync(root);
});
afterEach(() => {
  const leaked = openBelow(dir);
  removeTree(dir);
  assert.deepEqual(leaked, []);
});

describe('walk', () => {
  it('yields the root, then directories before their children in the order of their names', () => {
    mkdirSync(at('a/b'), { recursive: true });
    for (const name of ['a/b/z', 'a/c', 'a-', 'a!', '.hidden', 'Z']) writeFileSync(at(name), '');
    assert.deepEqual(texts(), [
      'directory ',
      'file .hidden',
      'file Z',
      'directory a',
      'directory a/b',
      'file a/b/z',
      'file a/c',
      'file a!',
      'file a-',
    ]);
  });

  it('leaves out what is excluded, which then counts as no name of a file', () => {
    mkdirSync(at('cache/deep'), { recursive: true });
    for (const name of ['cache/deep/x', 'a.log', 'first', 'b']) writeFileSync(at(name), name);
    linkSync(at('first'), at('cache/link'));
    linkSync(at('first'), at('last'));
    assert.deepEqual(texts({ exclude: ['cache', '**/*.log'] }), [
      'directory ',
      'file b',
      'file first',
      'hardlink last -> first',
    ]);
  });

  it('skips sockets and mounts, whatever is mounted', () => {
    mkdirSync(at('bind'));
    mkdirSync(at('tmpfs'));
    writeFileSync(at('file'), 'x');
    writeFileSync(at('mounted-file'), 'x');
    execFileSync('python3', [
      '-c',
      'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
      at('socket'),
    ]);
    try {
      execFileSync('mount', ['--bind', root, at('bind')]);
      execFileSync('mount', ['-t', 'tmpfs', 'none', at('tmpfs')]);
      execFileSync('mount', ['--bind', at('file'), at('mounted-file')]);
      for (const kernel of ['probe', 'oldest'] as const) {
        assert.deepEqual(texts({ kernel }), [
          'directory ',
          'other-file-system bind',
          'file file',
          'other-file-system mounted-file',
          'socket socket',
          'other-file-system tmpfs',
        ]);
      }
    } finally {
      for (const name of ['mounted-file', 'tmpfs', 'bind']) execFileSync('umount', [at(name)]);
    }
  });

  it('has files that vanish while their directory is walked just not there', () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(at(name), '');
    const each = (step: WalkStep) => pathOf(step).toString() === 'a' && rmSync(at('b'));
    assert.deepEqual(texts({ each }), ['directory ', 'file a', 'file c']);
  });

  it('takes a directory that became a symbolic link for one', () => {
    mkdirSync(at('b'));
    writeFileSync(at('a'), '');
    mkdirSync(join(dir, 'outside'));
    writeFileSync(join(dir, 'outside/secret'), '');
    const each = (step: WalkStep) => {
      if (pathOf(step).toString() !== 'a') return;
      renameSync(at('b'), join(dir, 'b'));
      symlinkSync(join(dir, 'outside'), at('b'));
    };
    assert.deepEqual(texts({ each }), ['directory ', 'file a', `symlink b -> ${join(dir, 'outside')}`]);
  });

  it('comes back from deep directories to where they were, and not to where they were moved or swapped', () => {
    makeNested(root, { name: 'd', levels: 100, file: 'z', filesIn: 'all' });
    makeNested(dir, { name: 'd', levels: 100, file: 'z-outside', filesIn: 'all' });
    const tenth = Array(10).fill('d').join('/');
    const each = (step: WalkStep) => {
      if (!text(step).startsWith('directory') || pathOf(step).length !== 199) return;
      renameSync(at(tenth), join(dir, 'moved'));
      symlinkSync(join(dir, tenth), at(tenth));
    };
    for (const kernel of ['probe', 'oldest'] as const) {
      const found = texts({ each, kernel }).filter((line) => !line.startsWith('directory'));
      const depths = found
        .filter((line) => line.startsWith('file'))
        .map((line) => line.split('/').length - 1);
      // 100 to 69 were open all the time; 68 to 10 can't be reached any more, 9 to 1 again.
      assert.deepEqual(depths, [...range(100, 69), ...range(9, 1)]);
      const lost = found.filter((line) => line.startsWith('lost')).map((line) => line.split('/').length);
      assert.deepEqual(lost, range(68, 10));
      assert.ok(!found.some((line) => line.includes('outside')));
      rmSync(at(tenth));
      renameSync(join(dir, 'moved'), at(tenth));
    }
  });

  it('reaches the bottom of 3,000 directories with few descriptors', function () {
    this.timeout(300_000);
    makeNested(root, { name: 'dd', levels: 3000, file: 'z', filesIn: 'all' });
    const before = readdirSync('/proc/self/fd').length;
    let most = 0;
    const found = steps({
      each: (step) => {
        if (pathOf(step).length % 100 === 0) most = Math.max(most, readdirSync('/proc/self/fd').length);
      },
    });
    assert.equal(found.length, 6001);
    assert.ok(most > before && most - before < 40, `${most - before} descriptors`);
    const entries = entriesOf(found);
    assert.equal(entries.length, 6001);
    assert.deepEqual(
      texts({ planned: entries.slice(0, 3500) }),
      entries.slice(3500).map((entry) => `file ${entry.path}`),
    );
  });

  it('has directories that its user may not enter as unreadable entries', () => {
    chmodSync(dir, 0o777);
    for (const [name, mode] of [
      ['closed', 0o700],
      ['listable', 0o744],
      ['open', 0o755],
    ] as const) {
      mkdirSync(at(name));
      writeFileSync(at(`${name}/file`), '');
      chmodSync(at(name), mode);
    }
    writeFileSync(at('secret'), '', { mode: 0o600 });
    writeFileSync(at('tagged'), '', { mode: 0o600 });
    execFileSync('setfattr', ['-n', 'user.tag', '-v', 'x', at('tagged')]);
    let found: string[];
    process.seteuid?.(1000);
    try {
      found = texts();
    } finally {
      process.seteuid?.(0);
    }
    assert.deepEqual(found, [
      'directory ',
      'directory closed unreadable',
      'directory listable unreadable',
      'directory open',
      'file open/file',
      'file secret',
      'file tagged unreadable',
    ]);
  });

  it('refuses a file that is longer than a number can say', () => {
    execFileSync('mount', ['-t', 'tmpfs', 'none', root]);
    try {
      writeFileSync(at('huge'), '');
      truncateSync(at('huge'), Number.MAX_SAFE_INTEGER);
      assert.equal(entriesOf(steps())[1].size, Number.MAX_SAFE_INTEGER);
      execFileSync('truncate', ['-s', '9007199254740992', at('huge')]);
      assert.throws(steps, (error) => error instanceof TapeError && error.code === 'UNSUPPORTED_ENTRY');
      assert.deepEqual(texts({ exclude: ['huge'] }), ['directory ']);
    } finally {
      execFileSync('umount', [root]);
    }
  });

  it('closes what it opened when its caller stops early', () => {
    makeNested(root, { name: 'd', levels: 40, file: 'z', filesIn: 'all' });
    using volume = Volume.open(root);
    using links = new LinkGroups({ scratch: dir });
    for (const step of walk(volume, { exclude: compileExcludes([]), links })) {
      if (pathOf(step).length > 60) break;
    }
    assert.deepEqual(openBelow(dir), [root]);
  });

  it('works in a worker thread without a warning', async () => {
    makeNested(root, { name: 'd', levels: 40, file: 'z', filesIn: 'all' });
    const worker = new Worker(join(import.meta.dirname, 'walk-in-worker.ts'), {
      workerData: { root, scratch: dir },
    });
    const [message] = await once(worker, 'message');
    await once(worker, 'exit');
    assert.deepEqual(message, { files: 40, warnings: [] });
  });

  it('takes a directory of 200,000 names in order, without an object for each', function () {
    this.timeout(300_000);
    const script = `import os, sys
for i in range(200000): os.close(os.open("%s/name-%06d" % (sys.argv[1], i * 7919 % 200000), os.O_CREAT))`;
    execFileSync('mount', ['-t', 'tmpfs', 'none', root]);
    try {
      execFileSync('python3', ['-c', script, root]);
      let count = 0;
      let held = 0;
      using volume = Volume.open(root);
      using links = new LinkGroups({ scratch: dir });
      const before = process.memoryUsage().arrayBuffers;
      for (const step of walk(volume, { exclude: compileExcludes([]), links })) {
        if (count > 0) assert.ok(pathOf(step).toString() === `name-${String(count - 1).padStart(6, '0')}`);
        if (count++ === 0) held = process.memoryUsage().arrayBuffers - before;
      }
      assert.equal(count, 200_001);
      // 2.4 MB of names and 0.8 of offsets, in buffers that grew by doubling; an array of Buffers takes over 40.
      assert.ok(held < 24 * 2 ** 20, `${held} bytes of names`);
    } finally {
      execFileSync('umount', ['-l', root]);
    }
  });
});

describe('a walk that goes on', () => {
  beforeEach(() => {
    mkdirSync(at('a/m/deep'), { recursive: true });
    for (const name of ['a/m/deep/x', 'a/m/y', 'a/n', 'b']) writeFileSync(at(name), '');
  });

  /** The entries up to and with `path`. */
  const upTo = (path: string) => {
    const entries = entriesOf(steps());
    return entries.slice(0, entries.findIndex((entry) => entry.path.toString() === path) + 1);
  };

  it('takes the next greater sibling where a directory is gone, and says so once', () => {
    const planned = upTo('a/m/deep/x');
    rmSync(at('a/m'), { recursive: true });
    assert.deepEqual(texts({ planned }), ['lost a/m', 'file a/n', 'file b']);
  });

  it('does so where a directory is none any more', () => {
    const planned = upTo('a/m/deep/x');
    rmSync(at('a'), { recursive: true });
    symlinkSync('b', at('a'));
    assert.deepEqual(texts({ planned }), ['lost a', 'file b']);
  });

  it('loses the last entry alone if that is what is gone', () => {
    const planned = upTo('a/m/deep/x');
    rmSync(at('a/m/deep/x'));
    assert.deepEqual(texts({ planned }), ['lost a/m/deep/x', 'file a/m/y', 'file a/n', 'file b']);
  });

  it('has the children next when the last entry is a directory', () => {
    assert.deepEqual(texts({ planned: upTo('a/m') }), [
      'directory a/m/deep',
      'file a/m/deep/x',
      'file a/m/y',
      'file a/n',
      'file b',
    ]);
  });

  it('sees names that are new behind where it goes on, and none before', () => {
    const planned = upTo('a/m/y');
    for (const name of ['a/m/new-before', 'a/m/z', 'a/a']) writeFileSync(at(name), '');
    assert.deepEqual(texts({ planned }), ['file a/m/z', 'file a/n', 'file b']);
  });
});

describe('walk of a nasty tree', function () {
  this.timeout(300_000);

  beforeEach(() => makeNastyTree(root, { seed: 3 }));

  for (const kernel of ['probe', 'oldest'] as const) {
    it(`finds everything as it is (kernel: ${kernel})`, () => {
      const expected = snapshot(root);
      const found = steps({ kernel });
      const paths = found.map((step) => pathOf(step).toString('base64'));
      assert.deepEqual([...paths].sort(), [...expected.keys()].sort());
      assert.deepEqual(
        found,
        [...found].sort((a, b) => compareComponents(pathOf(a), pathOf(b))),
      );
      for (const step of found) {
        const fields = expected.get(pathOf(step).toString('base64')) ?? {};
        if (step.kind === 'entry') assert.deepEqual(fieldsOf(step.entry), knowable(fields, step.entry));
        else assert.equal(text(step), 'socket socket');
      }
    });
  }

  it('names the first of a file’s names, in another directory or not', () => {
    const links = texts().filter((line) => line.startsWith('hardlink'));
    assert.deepEqual(
      links.filter((line) => line.length < 200),
      [
        'hardlink links-a/first -> links-a/again',
        'hardlink links-m/middle -> links-a/again',
        'hardlink links-z/empty -> links-a/empty',
        'hardlink links-z/original -> links-a/again',
        `hardlink links-z/to-long-name -> links-m/${'n'.repeat(150)}`,
        'hardlink xattrs/linked-too -> xattrs/linked',
      ].filter((line) => line.length < 200),
    );
    const deep = links.filter((line) => line.includes('ddd'));
    assert.equal(deep.length, 0);
  });

  it('gives exactly the rest, wherever it goes on', () => {
    const found = steps();
    let planned: Entry[] = [];
    found.forEach((step, index) => {
      if (step.kind !== 'entry') return;
      planned = [...planned, step.entry];
      assert.deepEqual(steps({ planned }), found.slice(index + 1));
    });
    assert.ok(planned.length > 200);
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: from - to + 1 }, (_, i) => from - i);
}

/** An entry in the words of a snapshot. */
function fieldsOf(entry: Entry): Fields {
  const base64 = (bytes: Buffer) => bytes.toString('base64');
  const values = entry.xattrs.map(({ name, value }) => [base64(name), base64(value)] as const);
  const fields: Fields = {
    type: entry.type === 'hardlink' ? 'file' : entry.type,
    mode: `0o${entry.mode.toString(8)}`,
    owner: `${entry.uid}:${entry.gid}`,
    mtime: String(BigInt(entry.mtime) * 1_000_000_000n + BigInt(entry.mtimeNsec)),
    xattrs: JSON.stringify(Object.fromEntries(values)),
  };
  if (entry.type === 'file') fields.size = String(entry.size);
  if (entry.type === 'symlink' && entry.link) fields.link = base64(entry.link);
  if (entry.deviceMajor !== undefined) fields.device = `${entry.deviceMajor},${entry.deviceMinor}`;
  return fields;
}

/** Without what a walk doesn't tell: content, and the size of a further name, whose file has it. */
function knowable({ content: _, names, size, ...fields }: Fields, { type }: Entry): Fields {
  return type === 'file' ? { ...fields, size } : fields;
}
