import { constants } from 'node:fs';
import type { EntryType } from '@longshore/shared';
import { listDirectory } from './directory-listing.ts';
import type { DirectoryStack } from './directory-stack.ts';
import type { Entry } from './entry.ts';
import { TapeError } from './error.ts';
import { openFailure } from './open-failure.ts';
import { HERE } from './posix/c-string.ts';
import { displayPath } from './posix/display-path.ts';
import { errno } from './posix/errno.ts';
import { readTarget } from './posix/link-target.ts';
import { isDirectory, lastStat, type Stat, statAt, UNKNOWN_MOUNT } from './posix/stat.ts';
import { NO_XATTRS, readXattrs, type Xattrs } from './posix/xattrs.ts';
import type { Volume } from './volume.ts';
import type { WalkOptions, WalkStep } from './walk.ts';

const TYPES: Partial<Record<number, EntryType | 'socket'>> = {
  [constants.S_IFREG]: 'file',
  [constants.S_IFDIR]: 'directory',
  [constants.S_IFLNK]: 'symlink',
  [constants.S_IFIFO]: 'fifo',
  [constants.S_IFCHR]: 'character',
  [constants.S_IFBLK]: 'block',
  [constants.S_IFSOCK]: 'socket',
};

const PERMISSIONS = 0o7777;

/** A name that keeps changing its type under our eyes is given up after these many looks. */
const LOOKS = 3;

/** The name was replaced between two of the calls that read it. */
const REPLACED = 'replaced';
type Look = WalkStep | undefined | typeof REPLACED;

/** A name in an open directory, NUL-terminated, and its path below the root. */
interface Place {
  directory: number;
  name: Uint8Array;
  path: Buffer;
}

/** Makes walk steps of names: two system calls for a file without attributes. */
export class EntryReader {
  readonly #volume: Volume;
  readonly #stack: DirectoryStack;
  readonly #options: WalkOptions;

  constructor(volume: Volume, stack: DirectoryStack, options: WalkOptions) {
    this.#volume = volume;
    this.#stack = stack;
    this.#options = options;
  }

  /** The root's own entry; enters it. Throws VOLUME_GONE if it was deleted. */
  readRoot(): WalkStep {
    const place = { directory: this.#volume.rootFd, name: HERE, path: Buffer.alloc(0) };
    const look = this.#directory(place, this.#volume.rootStat);
    if (look !== undefined && look !== REPLACED) return look;
    this.#volume.check({ expectEntries: false });
    return { kind: 'lost', path: place.path };
  }

  /** The step for the name that the stack took last; enters it if it's a directory. Undefined if it's gone. */
  read(directory: number): WalkStep | undefined {
    const place = { directory, name: this.#stack.name, path: this.#stack.path() };
    for (let looks = 0; looks < LOOKS; looks++) {
      const look = this.#look(place);
      if (look !== REPLACED) return look;
    }
    return { kind: 'lost', path: place.path };
  }

  #look(place: Place): Look {
    const { path } = place;
    const failed = statAt(place.directory, place.name);
    if (failed < 0) return failedLook(failed, path);
    const stat = lastStat();
    const isDir = isDirectory(stat.mode);
    if (this.#options.exclude(path, isDir)) return undefined;
    if (this.#isElsewhere(stat)) return { kind: 'skipped', path, reason: 'other-file-system' };
    return isDir ? this.#directory(place, stat) : this.#leaf(place, stat);
  }

  /**
   * A mount point shows by its mount id, also a bind mount of the same file system. Before Linux 5.8 there's only
   * the device number, which tells nothing about files: overlayfs gives them the numbers of its layers.
   */
  #isElsewhere(stat: Stat): boolean {
    if (stat.mountId !== UNKNOWN_MOUNT && stat.mountId !== this.#volume.mountId) return true;
    const { devMajor, devMinor } = this.#volume.rootStat;
    return isDirectory(stat.mode) && (stat.devMajor !== devMajor || stat.devMinor !== devMinor);
  }

  #directory({ directory, name, path }: Place, stat: Stat): Look {
    const xattrs = readXattrs(this.#volume.xattrs, directory, name);
    if (typeof xattrs === 'number') return failedLook(xattrs, path);
    const listing = listDirectory(this.#volume, path);
    if (!('kind' in listing)) {
      this.#stack.enter(listing);
      const entry = newEntry({ path, type: 'directory', stat: listing.stat, xattrs });
      return { kind: 'entry', entry, unreadable: !xattrs.complete };
    }
    if (listing.kind === 'unreadable') {
      return { kind: 'entry', entry: newEntry({ path, type: 'directory', stat, xattrs }), unreadable: true };
    }
    // An automounter's directory: nothing was mounted on it until it was opened.
    if (listing.errno === 'EXDEV') return { kind: 'skipped', path, reason: 'other-file-system' };
    return REPLACED;
  }

  #leaf({ directory, name, path }: Place, stat: Stat): Look {
    const type = TYPES[stat.mode & constants.S_IFMT];
    if (type === undefined) throw unsupported(path, `is of an unknown type (mode ${stat.mode.toString(8)})`);
    if (type === 'socket') return { kind: 'skipped', path, reason: 'socket' };
    const xattrs = readXattrs(this.#volume.xattrs, directory, name);
    if (typeof xattrs === 'number') return failedLook(xattrs, path);
    const entry = newEntry({ path, type, stat, xattrs });
    if (type === 'symlink') {
      const target = readTarget(directory, name);
      if (typeof target === 'number') return failedLook(target, path);
      entry.link = target;
    }
    if (type === 'file') this.#joinLinks(entry);
    return { kind: 'entry', entry, unreadable: !xattrs.complete };
  }

  #joinLinks(entry: Entry): void {
    const first = this.#options.links.see(entry);
    if (first === undefined) return;
    entry.type = 'hardlink';
    entry.link = first;
    entry.size = 0;
  }
}

interface EntryParts {
  path: Buffer;
  type: EntryType;
  stat: Stat;
  xattrs: Xattrs;
}

function newEntry({ path, type, stat, xattrs }: EntryParts): Entry {
  const entry: Entry = {
    path,
    type,
    mode: stat.mode & PERMISSIONS,
    uid: stat.uid,
    gid: stat.gid,
    mtime: stat.mtime,
    mtimeNsec: stat.mtimeNsec,
    size: type === 'file' ? sizeOf(stat, path) : 0,
    xattrs: xattrs === NO_XATTRS ? [] : xattrs.list,
    inode: stat.inode,
    links: stat.links,
    ctime: stat.ctime,
    ctimeNsec: stat.ctimeNsec,
  };
  if (type === 'character' || type === 'block') {
    entry.deviceMajor = stat.rdevMajor;
    entry.deviceMinor = stat.rdevMinor;
  }
  return entry;
}

function sizeOf({ size }: Stat, path: Buffer): number {
  if (size <= Number.MAX_SAFE_INTEGER) return size;
  throw unsupported(path, 'is 8 PiB or longer: exclude it');
}

function failedLook(failed: number, path: Buffer): Look {
  // No symbolic link any more, when its target is read.
  if (failed === -errno.EINVAL) return REPLACED;
  const { kind } = openFailure(failed, path);
  if (kind === 'unreadable') return { kind: 'lost', path };
  return kind === 'vanished' ? undefined : REPLACED;
}

function unsupported(path: Buffer, why: string): TapeError {
  return new TapeError('UNSUPPORTED_ENTRY', `${displayPath(path)} ${why}`);
}
