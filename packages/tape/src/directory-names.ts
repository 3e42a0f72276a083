import { compareNames, sortNames } from './directory-order.ts';
import { TapeError } from './error.ts';
import { DIRENT } from './posix/constants.ts';
import { endOfName, isDots, readRecords, recordLength, records } from './posix/directory-records.ts';

/** Small directories are collected in buffers that every directory uses; from here on, a directory keeps its own. */
const OWN_BYTES = 2 ** 20;

/**
 * All names of one directory, sorted bytewise, in one flat buffer: two million names of 20 bytes cost 50 MB
 * here, where an array of Buffers costs a gigabyte.
 */
export class DirectoryNames {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;

  private constructor(bytes: Uint8Array, starts: Uint32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.count = starts.length;
  }

  /** Reads an open directory to its end; or the errno negated. `.` and `..` are left out. */
  static read(fd: number): DirectoryNames | number {
    const collector = takeCollector();
    try {
      for (;;) {
        const length = readRecords(fd);
        if (length < 0) return length;
        if (length === 0) break;
        collect(collector, length);
      }
      const { bytes, starts } = ownPart(collector);
      sortNames(bytes, starts);
      return new DirectoryNames(bytes, starts);
    } finally {
      giveBack(collector);
    }
  }

  /** Whether a directory that changes while it's read listed the same name before: POSIX allows it. */
  repeats(index: number): boolean {
    return index > 0 && compareNames(this.#bytes, this.#starts[index - 1], this.#starts[index]) === 0;
  }

  /** Copies a name and its NUL to `target`, which has room for NAME_MAX + 1 bytes; its length without the NUL. */
  copy(index: number, target: Uint8Array): number {
    const start = this.#starts[index];
    let length = 0;
    do target[length] = this.#bytes[start + length];
    while (target[length++] !== 0);
    return length - 1;
  }

  /** The index of the first name that isn't less than `name`; `count` if there's none. */
  firstFrom(name: Uint8Array): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  isAt(index: number, name: Uint8Array): boolean {
    return index < this.count && this.#compare(index, name) === 0;
  }

  #compare(index: number, name: Uint8Array): number {
    const start = this.#starts[index];
    for (let i = 0; i < name.length; i++) {
      const difference = this.#bytes[start + i] - name[i];
      if (difference !== 0) return difference;
    }
    return this.#bytes[start + name.length];
  }
}

/** Buffers that grow by doubling, with what's in use of them. */
interface Collector {
  bytes: Buffer;
  used: number;
  starts: Uint32Array;
  count: number;
}

let spare: Collector | undefined;

function takeCollector(): Collector {
  const collector = spare ?? newCollector();
  spare = undefined;
  return collector;
}

function newCollector(): Collector {
  return { bytes: Buffer.allocUnsafeSlow(65536), used: 0, starts: new Uint32Array(4096), count: 0 };
}

function giveBack(collector: Collector): void {
  if (collector.bytes.length > OWN_BYTES) return;
  collector.used = 0;
  collector.count = 0;
  spare = collector;
}

/** Adds the names of `length` bytes of `records`. */
function collect(collector: Collector, length: number): void {
  makeRoom(collector, length);
  for (let at = 0; at < length; at += recordLength(at)) {
    if (isDots(at)) continue;
    collector.starts[collector.count++] = collector.used;
    const name = at + DIRENT.name;
    const end = endOfName(at) + 1;
    for (let i = name; i < end; i++) collector.bytes[collector.used++] = records[i];
  }
}

/** A record is at least 24 bytes long, and its name shorter than it is. */
function makeRoom(collector: Collector, length: number): void {
  if (collector.used + length > collector.bytes.length) {
    const larger = Buffer.allocUnsafeSlow(collector.bytes.length * 2);
    if (larger.length > 2 ** 32) {
      throw new TapeError('UNSUPPORTED_ENTRY', 'A directory has more than 4 GiB of names');
    }
    larger.set(collector.bytes.subarray(0, collector.used));
    collector.bytes = larger;
  }
  if (collector.count + length / 24 > collector.starts.length) {
    const larger = new Uint32Array(collector.starts.length * 2);
    larger.set(collector.starts);
    collector.starts = larger;
  }
}

/** A large directory keeps its buffers, for a copy would double the peak. */
function ownPart({ bytes, used, starts, count }: Collector): { bytes: Uint8Array; starts: Uint32Array } {
  if (bytes.length > OWN_BYTES) return { bytes, starts: starts.subarray(0, count) };
  return { bytes: Uint8Array.prototype.slice.call(bytes, 0, used), starts: starts.slice(0, count) };
}
