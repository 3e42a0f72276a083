import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { makeNested } from '../../../test/fixtures/nasty-tree.ts';
import { TapeError } from '../src/error.ts';
import { type OpenFailure, openFailure } from '../src/open-failure.ts';
import { mountIdOf } from '../src/posix/beneath.ts';
import { displayPath } from '../src/posix/display-path.ts';
import { probeXattrs, readXattrs, xattrsAt, xattrsThroughProc } from '../src/posix/xattrs.ts';
import { OpenFile, type Stat, Volume, type VolumeOptions } from '../src/volume.ts';
import { openBelow } from './descriptors.ts';

const failsWith = (code: string, errno?: string) => (error: unknown) =>
  error instanceof TapeError && error.code === code && (errno === undefined || error.errno === errno);

const KERNELS: NonNullable<VolumeOptions['kernel']>[] = ['probe', 'oldest'];

for (const kernel of KERNELS) {
  describe(`Volume (kernel: ${kernel})`, () => {
    let dir: string;
    let root: string;
    let volume: Volume;
    const at = (path: string) => join(root, path);
    const open = (path: string) => volume.openFile(Buffer.from(path));
    const look = (path: string): Partial<Stat & OpenFailure> => volume.look(Buffer.from(path));

    beforeEach(() => {
      dir = realpathSync(mkdtempSync(join(tmpdir(), 'longshore-volume-')));
      root = join(dir, 'root');
      mkdirSync(at('a/b'), { recursive: true });
      writeFileSync(at('a/b/file'), 'inside');
      mkdirSync(join(dir, 'outside/b'), { recursive: true });
      writeFileSync(join(dir, 'outside/b/file'), 'outside');
      volume = Volume.open(root, { kernel });
    });
    afterEach(() => {
      volume[Symbol.dispose]();
      const leaked = openBelow(dir);
      execFileSync('rm', ['-rf', '--one-file-system', dir]);
      assert.deepEqual(leaked, []);
    });

    function opened(path: string): OpenFile {
      const file = open(path);
      assert.ok(file instanceof OpenFile, file.kind);
      return file;
    }

    function content(path: string): string {
      using file = opened(path);
      const buffer = Buffer.alloc(file.stat.size);
      readSync(file.fd, buffer, 0, buffer.length, 0);
      return buffer.toString();
    }

    it('opens files, and says what they are', () => {
      assert.equal(content('a/b/file'), 'inside');
      using file = opened('a/b/file');
      assert.equal(file.stat.size, 6);
      writeFileSync(at('a/b/file'), 'longer now');
      assert.equal(file.restat().size, 10);
      assert.equal(look('a/b/file').size, 10);
      assert.equal(look('a/b').kind, 'changed');
      assert.equal(look('a/c').kind, 'vanished');
    });

    it('tells what vanished from what changed its type', () => {
      symlinkSync('b/file', at('a/symlink'));
      symlinkSync('a', at('symlinked'));
      execFileSync('mknod', [at('null'), 'c', '1', '3']);
      const kinds = [
        'nothing',
        'a/b/file/x',
        'symlinked/b/file',
        'a/symlink',
        'a/b',
        'null',
        'n'.repeat(256),
      ];
      assert.deepEqual(
        kinds.map((path) => open(path).kind),
        ['vanished', 'vanished', 'vanished', 'changed', 'changed', 'changed', 'vanished'],
      );
    });

    it('never leaves the volume', () => {
      symlinkSync(join(dir, 'outside'), at('link'));
      symlinkSync('/proc/self/root', at('magic'));
      const paths = [
        'link/b/file',
        `magic${dir}/outside/b/file`,
        '../outside/b/file',
        'a/../../outside/b/file',
      ];
      for (const path of [...paths, join(dir, 'outside/b/file')])
        assert.equal(open(path).kind, 'vanished', path);
      assert.equal(typeof volume.openDirectory(Buffer.from('link')), 'object');
    });

    it('enters no mount, not even a bind mount of the volume itself', () => {
      writeFileSync(at('target'), 'target');
      mkdirSync(at('mounted'));
      try {
        execFileSync('mount', ['--bind', at('a'), at('mounted')]);
        execFileSync('mount', ['--bind', join(dir, 'outside/b/file'), at('target')]);
        assert.equal(open('mounted/b/file').kind, 'vanished');
        assert.equal(open('target').kind, 'vanished');
        assert.deepEqual(volume.openDirectory(Buffer.from('mounted')), { kind: 'vanished', errno: 'EXDEV' });
      } finally {
        execFileSync('umount', [at('mounted')]);
        execFileSync('umount', [at('target')]);
      }
      assert.equal(content('target'), 'target');
    });

    it('reads nothing from outside while a directory is swapped for a symbolic link', async () => {
      const swap = `
import os, sys
os.chdir(sys.argv[1])
print("ready", flush=True)
while True:
    os.rename("a", "real"); os.rename("link", "a")
    os.rename("a", "link"); os.rename("real", "a")`;
      symlinkSync(join(dir, 'outside'), at('link'));
      const swapper = spawn('python3', ['-c', swap, root], { stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        await once(swapper.stdout, 'data');
        const seen = new Map<string, number>();
        for (let i = 0; i < 20_000; i++) {
          const swapped = open('a/b/file');
          const result = swapped.kind === 'open' ? readAndClose(swapped) : swapped.kind;
          seen.set(result, (seen.get(result) ?? 0) + 1);
        }
        assert.ok(
          (seen.get('inside') ?? 0) > 0 && (seen.get('vanished') ?? 0) > 0,
          JSON.stringify([...seen]),
        );
        assert.deepEqual([...seen.keys()].sort(), ['inside', 'vanished']);
      } finally {
        await killed(swapper);
      }
    });

    it('leaves a FIFO’s blocked writer blocked', async () => {
      execFileSync('mkfifo', [at('fifo')]);
      const writer = spawn('sh', ['-c', 'printf data > "$1"', 'sh', at('fifo')], { stdio: 'ignore' });
      try {
        while (!readFileSync(`/proc/${writer.pid}/wchan`, 'utf8').includes('wait_for_partner')) await wait(5);
        assert.equal(open('fifo').kind, 'changed');
        assert.equal(readFileSync(`/proc/${writer.pid}/wchan`, 'utf8'), 'wait_for_partner');
        const exited = once(writer, 'exit');
        assert.equal(readFileSync(at('fifo'), 'utf8'), 'data');
        assert.deepEqual(await exited, [0, null]);
      } finally {
        await killed(writer);
      }
    });

    it('waits for a lease to be given back', async () => {
      const holder = await leaseHolder(at('a/b/file'), 'gives back');
      try {
        assert.equal(content('a/b/file'), 'inside');
      } finally {
        await killed(holder);
      }
    });

    it('calls a file unreadable whose lease nobody gives back', async () => {
      const holder = await leaseHolder(at('a/b/file'), 'keeps');
      try {
        assert.deepEqual(open('a/b/file'), { kind: 'unreadable', errno: 'EAGAIN' });
      } finally {
        await killed(holder);
      }
    });

    it('opens paths beyond PATH_MAX', () => {
      const name = 'd'.repeat(250);
      makeNested(root, { name, levels: 40, file: 'file' });
      const path = `${`${name}/`.repeat(40)}file`;
      assert.ok(content(path) === 'deep');
      assert.equal(look(path).size, 4);
      assert.equal(open(`${path}x`).kind, 'vanished');
      assert.equal(open('x'.repeat(5000)).kind, 'vanished');
    });

    it('calls unreadable what its user may not read', () => {
      execFileSync('chmod', ['755', dir]);
      writeFileSync(at('secret'), 'x', { mode: 0o600 });
      mkdirSync(at('closed'), { mode: 0o700 });
      writeFileSync(at('closed/file'), 'x');
      asUser(() => {
        assert.equal(open('secret').kind, 'unreadable');
        assert.equal(open('closed/file').kind, 'unreadable');
        assert.deepEqual(volume.openDirectory(Buffer.from('closed')), {
          kind: 'unreadable',
          errno: 'EACCES',
        });
      });
    });

    it('finds data and holes in a sparse file, and believes in none elsewhere', () => {
      const MIB = 2 ** 20;
      const fd = openSync(at('sparse'), 'w');
      ftruncateSync(fd, 4 * MIB);
      writeSync(fd, 'island', MIB);
      closeSync(fd);
      using sparse = opened('sparse');
      assert.ok(sparse.sparse);
      assert.equal(sparse.nextData(0, 4 * MIB), MIB);
      assert.equal(sparse.nextData(0, 4096), 4096);
      const end = sparse.dataEnd(MIB, 4 * MIB);
      assert.ok(end > MIB && end <= MIB + 65_536);
      assert.equal(sparse.dataEnd(MIB, MIB + 6), MIB + 6);
      assert.equal(sparse.nextData(end, 4 * MIB), 4 * MIB);
      using full = opened('a/b/file');
      assert.ok(!full.sparse);
      assert.equal(full.nextData(2, 6), 2);
      assert.equal(full.dataEnd(2, 6), 6);
    });

    it('is gone when its path leads elsewhere', () => {
      volume.check({ expectEntries: true });
      renameSync(root, join(dir, 'moved'));
      assert.throws(() => volume.check({ expectEntries: false }), failsWith('VOLUME_GONE', 'ENOENT'));
      mkdirSync(root);
      assert.throws(() => volume.check({ expectEntries: false }), failsWith('VOLUME_GONE', 'ESTALE'));
      rmSync(root, { recursive: true });
      renameSync(join(dir, 'moved'), root);
      volume.check({ expectEntries: true });
    });

    it('is gone when it is emptied, if entries are expected', () => {
      for (const name of readdirSync(root)) rmSync(at(name), { recursive: true });
      volume.check({ expectEntries: false });
      assert.throws(() => volume.check({ expectEntries: true }), failsWith('VOLUME_GONE'));
    });

    it('is gone when something else is mounted over it, or it is unmounted', () => {
      execFileSync('mount', ['--bind', root, root]);
      try {
        assert.throws(() => volume.check({ expectEntries: false }), failsWith('VOLUME_GONE'));
        using mounted = Volume.open(root, { kernel });
        mounted.check({ expectEntries: true });
        execFileSync('umount', ['-l', root]);
        assert.throws(() => mounted.check({ expectEntries: false }), failsWith('VOLUME_GONE'));
      } finally {
        unmountIfMounted(root);
      }
      volume.check({ expectEntries: true });
    });

    it('opens a root through a symbolic link, and nothing that is no directory', () => {
      symlinkSync(root, join(dir, 'to-root'));
      using linked = Volume.open(join(dir, 'to-root'), { kernel });
      linked.check({ expectEntries: true });
      assert.equal(linked.rootStat.inode, volume.rootStat.inode);
      assert.throws(() => Volume.open(join(dir, 'nothing')), failsWith('VOLUME_MISSING', 'ENOENT'));
      assert.throws(() => Volume.open(at('a/b/file')), failsWith('VOLUME_MISSING', 'ENOTDIR'));
    });
  });
}

describe('open failures', () => {
  const path = Buffer.from('a\nb\xff', 'latin1');

  it('are about the volume, not a file, where the system or the process is in trouble', () => {
    for (const name of ['EIO', 'ESTALE', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOTCONN'] as const) {
      assert.throws(() => openFailure(-constants.errno[name], path), failsWith('IO', name));
    }
  });

  it('name paths so that they can forge nothing', () => {
    assert.throws(() => openFailure(-constants.errno.EIO, path), {
      message: 'Opening "a\\x0ab\\xff" failed with EIO',
    });
    assert.equal(displayPath(Buffer.from('caf\u00e9 "x"')), '"caf\u00e9 \\"x\\""');
    assert.equal(displayPath(Buffer.alloc(0)), 'the root of the volume');
  });
});

describe('extended attributes', () => {
  let dir: string;
  let fd: number;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'longshore-xattrs-'));
    fd = openSync(dir, 'r');
  });
  afterEach(() => {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  });

  const readers = { 'through /proc': xattrsThroughProc, 'as probed': probeXattrs() };
  for (const [way, reader] of Object.entries(readers)) {
    it(`are read from all types of entries, ${way}`, () => {
      writeFileSync(join(dir, 'file'), '');
      symlinkSync('nowhere', join(dir, 'symlink'));
      execFileSync('mkfifo', [join(dir, 'fifo')]);
      execFileSync('mknod', [join(dir, 'device'), 'c', '1', '3']);
      linkSync(join(dir, 'file'), join(dir, 'link'));
      for (const name of ['file', 'symlink', 'fifo', 'device', '.']) {
        execFileSync('setfattr', ['-h', '-n', 'trusted.z', '-v', '0x00ff00', join(dir, name)]);
        execFileSync('setfattr', ['-h', '-n', 'trusted.a', '-v', name, join(dir, name)]);
        assert.deepEqual(readXattrs(reader, fd, Buffer.from(`${name}\0`)), {
          list: [
            { name: Buffer.from('trusted.a'), value: Buffer.from(name) },
            { name: Buffer.from('trusted.z'), value: Buffer.from([0, 255, 0]) },
          ],
          complete: true,
        });
      }
      unlinkSync(join(dir, 'file'));
      assert.equal(readXattrs(reader, fd, Buffer.from('file\0')), -constants.errno.ENOENT);
    });
  }

  it('take the new system calls where the kernel has them', () => {
    const [major, minor] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number);
    const recent = major > 6 || (major === 6 && minor >= 13);
    assert.equal(probeXattrs() === xattrsAt, recent);
  });
});

describe('mountIdOf', () => {
  it('is what /proc says', () => {
    const fd = openSync('/proc', 'r');
    try {
      const line = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').match(/mnt_id:\s*(\d+)/);
      assert.equal(mountIdOf(fd), Number(line?.[1]));
    } finally {
      closeSync(fd);
    }
  });
});

function readAndClose(file: OpenFile): string {
  const buffer = Buffer.alloc(16);
  const length = readSync(file.fd, buffer, 0, buffer.length, 0);
  file.close();
  return buffer.toString('utf8', 0, length);
}

/** A process with a write lease: told to let go (SIGIO), it does so, or doesn't listen. */
async function leaseHolder(path: string, manner: 'gives back' | 'keeps'): Promise<ChildProcess> {
  const script = `
import fcntl, signal, sys, time
fd = open(sys.argv[1], "r+")
signal.signal(signal.SIGIO, lambda *_: sys.argv[2] == "keeps" or fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK))
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print("leased", flush=True)
while True: signal.pause()`;
  const holder = spawn('python3', ['-c', script, path, manner], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  return holder;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

function asUser(test: () => void): void {
  process.seteuid?.(1000);
  try {
    test();
  } finally {
    process.seteuid?.(0);
  }
}

function unmountIfMounted(path: string): void {
  if (readFileSync('/proc/self/mounts', 'utf8').includes(` ${path} `)) execFileSync('umount', ['-l', path]);
}
