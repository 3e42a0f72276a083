import { ioError } from './posix/errno.ts';
import { seekData, seekHole } from './posix/holes.ts';
import { closeDescriptor } from './posix/libc.ts';
import { lastStat, type Stat, statDescriptor } from './posix/stat.ts';

/** `st_blocks` counts these, whatever the file system's own blocks (stat(2)). */
const BLOCK = 512;

/** A regular file inside the volume. Read it with `fs.readSync(file.fd, …)` and a position. */
export class OpenFile implements Disposable {
  /** Tells it from an OpenFailure. */
  readonly kind = 'open';
  readonly fd: number;
  readonly path: Buffer;
  /** As it was when it was opened. */
  readonly stat: Stat;
  #open = true;

  constructor(fd: number, path: Buffer, stat: Stat) {
    this.fd = fd;
    this.path = path;
    this.stat = stat;
  }

  /** As it is now: compare with the plan once more after reading. */
  restat(): Stat {
    const failed = statDescriptor(this.fd);
    if (failed < 0) throw ioError(failed, 'Looking at', this.path);
    return lastStat();
  }

  /**
   * Whether the file has holes for certain. Only where it occupies less than its size is SEEK_HOLE believed:
   * ZFS has reported holes that were data.
   */
  get sparse(): boolean {
    return this.stat.blocks * BLOCK < this.stat.size;
  }

  /** The first offset in [offset, end] from which on there may be data; `end` when all before it reads as zeros. */
  nextData(offset: number, end: number): number {
    return this.sparse ? seekData(this.fd, offset, end) : offset;
  }

  /** Where the data at `offset` ends and a hole starts; `end` when that isn't before it. */
  dataEnd(offset: number, end: number): number {
    return this.sparse ? seekHole(this.fd, offset, end) : end;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeDescriptor(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
