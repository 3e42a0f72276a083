import { constants as fs } from 'node:fs';
import {
  closeDescriptor,
  cString,
  errno,
  O_CLOEXEC,
  OPEN_HOP,
  OPEN_LOOK,
  openBeneath,
  type Root,
  result,
} from '@longshore/tape/posix';
import { linkat, mkdirat, mknodat, openat, symlinkat } from '../posix/libc.ts';

const SLASH = 0x2f;
const HERE = Buffer.from('.');

/** Nobody else's until its owner and mode are set. */
const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;

const OPEN_NEW = fs.O_WRONLY | fs.O_CREAT | fs.O_EXCL | fs.O_NOFOLLOW | O_CLOEXEC;
const OPEN_WRITE = fs.O_WRONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK | O_CLOEXEC;

/**
 * The directory that an archive is restored to, and the only way into it: no path leads out of it, through whatever
 * symbolic link there is, and nothing that exists is written to. Paths are relative to it, without a leading slash.
 * Every method answers what the system does: 0 or a descriptor, or the errno negated.
 */
export class Target implements Disposable {
  readonly #root: Root;
  /** The directory that was used last: most entries are in the same one as the entry before. */
  #parent: { path: Buffer; fd: number } | undefined;

  constructor(root: Root) {
    this.#root = root;
  }

  makeDirectory(path: Buffer): number {
    return this.#inParent(path, (directory, name) => mkdirat(directory, name, PRIVATE_DIRECTORY));
  }

  /** A new file, open for writing. */
  createFile(path: Buffer): number {
    return this.#inParent(path, (directory, name) => openat(directory, name, OPEN_NEW, PRIVATE_FILE));
  }

  /** A file of this restore that is to be written further. */
  openFile(path: Buffer): number {
    return openBeneath(this.#root, path, OPEN_WRITE);
  }

  symlink(path: Buffer, to: Buffer): number {
    return this.#inParent(path, (directory, name) => symlinkat(terminated(to), directory, name));
  }

  /** `mode` has the type: S_IFIFO, S_IFCHR or S_IFBLK. */
  node(path: Buffer, { mode, device }: { mode: number; device: bigint }): number {
    return this.#inParent(path, (directory, name) => mknodat(directory, name, mode, device));
  }

  /** Another name for what `first` is; a symbolic link isn't followed. */
  link(path: Buffer, first: Buffer): number {
    const from = openBeneath(this.#root, parentOf(first), OPEN_HOP);
    if (from < 0) return from;
    try {
      const firstName = terminated(nameOf(first));
      return this.#inParent(path, (directory, name) => linkat(from, firstName, directory, name, 0));
    } finally {
      closeDescriptor(from);
    }
  }

  /** A descriptor that stands for whatever is there, a symbolic link too, without opening it. */
  look(path: Buffer): number {
    return openBeneath(this.#root, path.length === 0 ? HERE : path, OPEN_LOOK);
  }

  [Symbol.dispose](): void {
    if (this.#parent) closeDescriptor(this.#parent.fd);
    this.#parent = undefined;
  }

  #inParent(path: Buffer, call: (directory: number, name: Buffer) => number): number {
    if (path.length === 0) return -errno.EEXIST;
    const directory = this.#openParent(parentOf(path));
    return directory < 0 ? directory : result(call(directory, cString(nameOf(path))));
  }

  #openParent(path: Buffer): number {
    if (this.#parent?.path.equals(path)) return this.#parent.fd;
    const fd = openBeneath(this.#root, path, OPEN_HOP);
    if (fd < 0) return fd;
    this[Symbol.dispose]();
    this.#parent = { path, fd };
    return fd;
  }
}

function parentOf(path: Buffer): Buffer {
  const slash = path.lastIndexOf(SLASH);
  return slash < 0 ? HERE : path.subarray(0, slash);
}

const nameOf = (path: Buffer) => path.subarray(path.lastIndexOf(SLASH) + 1);

/** With a NUL behind it, in memory of its own: for a call that takes a second path. */
const terminated = (bytes: Uint8Array) => Buffer.concat([bytes, Buffer.alloc(1)]);
