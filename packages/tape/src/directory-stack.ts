import type { Listing } from './directory-listing.ts';
import type { DirectoryNames } from './directory-names.ts';
import type { OpenFailure } from './open-failure.ts';
import { NAME_MAX, PATH_MAX } from './posix/constants.ts';
import { closeDescriptor } from './posix/libc.ts';
import type { Volume } from './volume.ts';

/** Directories kept open above the current one; the rest is opened again from the root on the way back. */
const OPEN_LEVELS = 32;
const CLOSED = -1;
const SLASH = 0x2f;

interface Level {
  names: DirectoryNames;
  next: number;
  fd: number;
  /** Bytes of the stack's path that lead here. */
  end: number;
}

/**
 * The directories from the root to where a walk is, each with the names still to come. One path for all levels:
 * 3,000 nested directories with long names would otherwise hold a gigabyte of prefixes.
 */
export class DirectoryStack implements Disposable {
  /** The name that `next` took, NUL-terminated, for a system call. */
  readonly name = Buffer.alloc(NAME_MAX + 1);
  readonly #volume: Volume;
  readonly #levels: Level[] = [];
  #path = Buffer.alloc(PATH_MAX);
  #nameLength = 0;
  /** The shallowest level that may have a descriptor. */
  #open = 0;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  get depth(): number {
    return this.#levels.length;
  }

  /** Goes into the directory that `next` named, or into the root if there's no level yet. Owns the descriptor. */
  enter({ fd, names }: Listing): void {
    const end = this.depth === 0 ? 0 : this.#appendName();
    this.#levels.push({ names, next: 0, fd, end });
    if (this.depth - this.#open > OPEN_LEVELS) this.#close(this.#levels[this.#open++]);
  }

  leave(): void {
    const level = this.#levels.pop();
    if (level !== undefined) this.#close(level);
    this.#open = Math.min(this.#open, this.depth);
  }

  /** Takes the next name of the current directory; false at its end. */
  next(): boolean {
    const level = this.#top();
    while (level.next < level.names.count) {
      const index = level.next++;
      if (level.names.repeats(index)) continue;
      this.#nameLength = level.names.copy(index, this.name);
      return true;
    }
    return false;
  }

  /** Lets `next` go on behind `name`. Takes `name` itself and answers true, if the directory has it. */
  skipTo(name: Uint8Array): boolean {
    const level = this.#top();
    level.next = level.names.firstFrom(name);
    return level.names.isAt(level.next, name) && this.next();
  }

  /** The current directory's descriptor, opened again if it had to be closed. */
  descriptor(): number | OpenFailure {
    const level = this.#top();
    if (level.fd !== CLOSED) return level.fd;
    const fd = this.#volume.openDirectory(this.directoryPath());
    if (typeof fd !== 'number') return fd;
    level.fd = fd;
    this.#open = this.depth - 1;
    return fd;
  }

  directoryPath(): Buffer {
    return Buffer.from(this.#path.subarray(0, this.#top().end));
  }

  /** The path of the name that `next` took. */
  path(): Buffer {
    const { end } = this.#top();
    const start = end === 0 ? 0 : end + 1;
    const path = Buffer.allocUnsafe(start + this.#nameLength);
    this.#path.copy(path, 0, 0, end);
    if (start > 0) path[end] = SLASH;
    for (let i = 0; i < this.#nameLength; i++) path[start + i] = this.name[i];
    return path;
  }

  [Symbol.dispose](): void {
    while (this.depth > 0) this.leave();
  }

  #top(): Level {
    return this.#levels[this.#levels.length - 1];
  }

  #appendName(): number {
    const path = this.path();
    if (path.length > this.#path.length) {
      this.#path = Buffer.concat([this.#path, Buffer.alloc(this.#path.length)]);
    }
    path.copy(this.#path);
    return path.length;
  }

  #close(level: Level): void {
    if (level.fd !== CLOSED) closeDescriptor(level.fd);
    level.fd = CLOSED;
  }
}
