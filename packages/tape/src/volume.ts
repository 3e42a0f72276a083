import { resolve } from 'node:path';
import type { PlannedRoot } from '@longshore/shared';
import { TapeError } from './error.ts';
import { NOT_REGULAR, type OpenFailure, openFailure } from './open-failure.ts';
import { OpenFile } from './open-file.ts';
import { isSameRoot, plannedRoot } from './planned-root.ts';
import { mountIdOf, openBeneath, probeOpenat2, type Root, statBeneath } from './posix/beneath.ts';
import { cString } from './posix/c-string.ts';
import { AT_FDCWD, OPEN_DIRECTORY, OPEN_FILE, OPEN_LOOK, OPEN_ROOT } from './posix/constants.ts';
import { hasNames } from './posix/directory-records.ts';
import { errno, errnoName, ioError } from './posix/errno.ts';
import { closeDescriptor, openat, result } from './posix/libc.ts';
import {
  isRegular,
  lastMode,
  lastStat,
  type Stat,
  statAfresh,
  statDescriptor,
  statFollowing,
} from './posix/stat.ts';
import { probeXattrs, type XattrReader, xattrsThroughProc } from './posix/xattrs.ts';

export type { OpenFailure } from './open-failure.ts';
export { OpenFile } from './open-file.ts';
export type { Stat } from './posix/stat.ts';

export interface VolumeOptions {
  /** `oldest`: do without the calls that old kernels and strict seccomp profiles lack (openat2, listxattrat). */
  kernel?: 'probe' | 'oldest';
}

/** What makes a root the same root, for this process. Another pod's mount has other numbers. */
type Identity = Pick<Stat, 'inode' | 'devMajor' | 'devMinor' | 'mountId'>;

/** What a root answers that isn't there any more; ENOTCONN says that a FUSE server died. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE', 'ENODEV', 'ENOTCONN', 'EXDEV']);

/** Those of them that don't just say that there's no such directory. */
const LOST = new Set(['ESTALE', 'ENODEV', 'ENOTCONN']);

const HERE = Buffer.from('.');

/** A lease's holder has to be told and to let go; an open without waiting fails meanwhile. */
const LEASE_TRIES = 50;
const LEASE_PAUSE_MS = 20;

/**
 * The directory tree to export, and the only way to what's in it: whatever its owner does, nothing outside of it
 * can be opened. Every call is synchronous and meant for a worker thread.
 */
export class Volume implements Disposable {
  readonly path: string;
  readonly rootFd: number;
  readonly xattrs: XattrReader;
  readonly rootStat: Stat;
  readonly #root: Root;
  #open = true;

  private constructor(path: string, rootFd: number, { kernel = 'probe' }: VolumeOptions) {
    this.path = path;
    this.rootFd = rootFd;
    const failed = statDescriptor(rootFd);
    if (failed < 0) throw ioError(failed, 'Looking at', Buffer.from(path));
    this.rootStat = lastStat();
    const oldest = kernel === 'oldest';
    this.#root = {
      fd: rootFd,
      mountId: mountIdOf(rootFd),
      openat2: !oldest && probeOpenat2(rootFd),
    };
    this.xattrs = oldest ? xattrsThroughProc : probeXattrs();
  }

  /**
   * `path` may lead to the root through symbolic links. Throws VOLUME_MISSING, VOLUME_GONE where what's mounted
   * there lost its server, or IO (EACCES among others).
   */
  static open(path: string, options: VolumeOptions = {}): Volume {
    const absolute = resolve(path);
    const bytes = Buffer.from(absolute);
    const fd = result(openat(AT_FDCWD, cString(bytes), OPEN_ROOT));
    if (fd === -errno.ENOENT || fd === -errno.ENOTDIR) {
      const name = errnoName(fd);
      throw new TapeError('VOLUME_MISSING', `There is no directory at ${absolute}: mount the volume there`, {
        errno: name,
      });
    }
    if (LOST.has(errnoName(fd))) throw volumeGone(absolute, fd);
    if (fd < 0) throw ioError(fd, 'Opening', bytes);
    try {
      return new Volume(absolute, fd, options);
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
  }

  get mountId(): number {
    return this.#root.mountId;
  }

  /**
   * Throws VOLUME_GONE if the path no longer leads to the root that was opened: unmounted, mounted anew, replaced,
   * or stale on its server. With `expectEntries`, an empty root is a volume gone too.
   */
  check({ expectEntries }: { expectEntries: boolean }): void {
    const failed = statAfresh(this.rootFd);
    if (failed < 0) throw this.#gone(failed);
    const moved = statFollowing(AT_FDCWD, cString(Buffer.from(this.path)));
    if (moved < 0) throw this.#gone(moved);
    if (!isSame(lastStat(), this.rootStat)) throw this.#gone(-errno.ESTALE);
    if (expectEntries && this.#isEmpty()) throw this.#gone(-errno.ENOENT);
  }

  /**
   * Throws VOLUME_GONE if this root was opened after the one that was planned had been unmounted or replaced.
   * `isKnown` is asked where the roots differ: whether what's in this one is as it was planned.
   */
  expectRoot(planned: PlannedRoot, isKnown: () => boolean): void {
    if (isSameRoot(plannedRoot(this.rootStat), planned) || isKnown()) return;
    throw rootReplaced(this.path);
  }

  /**
   * Opens a regular file. Never opens what isn't one: opening a FIFO would release its blocked writer, whose data
   * would be lost. Whether it is still the file that was planned, the caller tells from `stat`: not even an inode
   * number is looked at here, since some FUSE file systems give one file several.
   *
   * Throws TapeError IO if the failure isn't about this path alone.
   */
  openFile(path: Buffer): OpenFile | OpenFailure {
    const stated = statBeneath(this.#root, path);
    if (stated < 0) return openFailure(stated, path);
    if (!isRegular(lastMode())) return NOT_REGULAR;
    const fd = this.#openLeased(path);
    if (fd < 0) return openFailure(fd, path);
    return verified(fd, path);
  }

  /** What a file is now, without opening it; its content may be unreadable all the same. Throws as `openFile`. */
  look(path: Buffer): Stat | OpenFailure {
    const fd = openBeneath(this.#root, path, OPEN_LOOK);
    if (fd < 0) return openFailure(fd, path);
    const failed = statDescriptor(fd);
    closeDescriptor(fd);
    if (failed < 0) throw ioError(failed, 'Looking at', path);
    return isRegular(lastMode()) ? lastStat() : NOT_REGULAR;
  }

  /** The descriptor of a directory to read; the caller closes it. The empty path is the root. Throws as `openFile`. */
  openDirectory(path: Buffer): number | OpenFailure {
    const fd = openBeneath(this.#root, path.length === 0 ? HERE : path, OPEN_DIRECTORY);
    return fd < 0 ? openFailure(fd, path) : fd;
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    closeDescriptor(this.rootFd);
  }

  #openLeased(path: Buffer): number {
    let fd = openBeneath(this.#root, path, OPEN_FILE);
    for (let tries = 1; fd === -errno.EAGAIN && tries < LEASE_TRIES; tries++) {
      pause(LEASE_PAUSE_MS);
      fd = openBeneath(this.#root, path, OPEN_FILE);
    }
    return fd;
  }

  #isEmpty(): boolean {
    const fd = openBeneath(this.#root, HERE, OPEN_DIRECTORY);
    if (fd < 0) throw this.#gone(fd);
    const answer = hasNames(fd);
    closeDescriptor(fd);
    if (typeof answer === 'number') throw this.#gone(answer);
    return !answer;
  }

  #gone(failed: number): TapeError {
    const name = errnoName(failed);
    if (!GONE.has(name)) return ioError(failed, 'Checking', Buffer.from(this.path));
    return volumeGone(this.path, failed);
  }
}

/** The error for a root that isn't the planned one. */
export function rootReplaced(path: string): TapeError {
  return volumeGone(path, -errno.ESTALE);
}

function volumeGone(path: string, failed: number): TapeError {
  const name = errnoName(failed);
  const reason = failed === -errno.ENOENT ? 'is empty or gone' : `isn't the same any more (${name})`;
  const message = `The volume at ${path} ${reason}: see that it stays mounted, and export again`;
  return new TapeError('VOLUME_GONE', message, { errno: name });
}

/** The descriptor, if it's still a regular file's: it may have been replaced between looking and opening. */
function verified(fd: number, path: Buffer): OpenFile | OpenFailure {
  const failed = statDescriptor(fd);
  if (failed === 0 && isRegular(lastMode())) return new OpenFile(fd, path, lastStat());
  closeDescriptor(fd);
  if (failed < 0) throw ioError(failed, 'Looking at', path);
  return NOT_REGULAR;
}

function isSame(left: Identity, right: Identity): boolean {
  return (
    left.inode === right.inode &&
    left.devMajor === right.devMajor &&
    left.devMinor === right.devMinor &&
    left.mountId === right.mountId
  );
}

const never = new Int32Array(new SharedArrayBuffer(4));

function pause(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
