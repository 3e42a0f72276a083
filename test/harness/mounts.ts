import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What is mounted by a test, below its own temporary folder; all of it goes when this is disposed of. */
export class Mounts implements Disposable {
  #points: string[] = [];

  /** A second view of a directory, on a mount of its own. */
  bind(source: string, point: string): string {
    return this.#mount(point, ['mount', '--bind', source, point]);
  }

  /** The same through a FUSE server, which numbers devices, and perhaps inodes, as it likes. */
  bindfs(source: string, point: string, options: readonly string[] = []): string {
    return this.#mount(point, ['bindfs', ...options, source, point]);
  }

  tmpfs(point: string, size: string): string {
    return this.#mount(point, ['mount', '-t', 'tmpfs', '-o', `size=${size}`, 'longshore-test', point]);
  }

  unmount(point: string, how: 'eagerly' | 'lazily'): void {
    execFileSync('umount', how === 'lazily' ? ['-l', point] : [point]);
    this.#points = this.#points.filter((mounted) => mounted !== point);
  }

  [Symbol.dispose](): void {
    for (const point of this.#points.reverse()) {
      if (umount(point).status !== 0 && isMounted(point)) umount('-l', point);
    }
    this.#points = [];
  }

  #mount(point: string, [command, ...args]: string[]): string {
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#points.push(point);
    return point;
  }
}

function umount(...args: string[]): SpawnSyncReturns<Buffer> {
  return spawnSync('umount', args);
}

function isMounted(point: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${point} `);
}

/** The process that serves a bindfs mount: it's a daemon, so it's found by its command line. */
export function bindfsServer(point: string): number {
  const pids = execFileSync('pgrep', ['-x', 'bindfs']).toString().trim().split('\n').map(Number);
  const server = pids.find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(point));
  if (server === undefined) throw new Error(`no bindfs serves ${point}`);
  return server;
}
