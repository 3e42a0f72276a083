import { existsSync } from 'node:fs';
import type { Xattr } from '../entry.ts';
import { TapeError } from '../error.ts';
import { HERE } from './c-string.ts';
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  NAME_MAX,
  SYSCALL,
  XATTR_ARGS,
  XATTR_LIST_MAX,
  XATTR_SIZE_MAX,
} from './constants.ts';
import { errno } from './errno.ts';
import { addressOf, getxattrat, lgetxattr, listxattrat, llistxattr, result } from './libc.ts';

/**
 * The extended attributes of anything, without opening it: opening a FIFO releases its writer, and a symbolic
 * link or a device can't be opened for them at all. Linux 6.13 has calls for that; before, the way leads
 * through the directory's own descriptor in /proc, which isn't followed further than to that directory.
 */
export interface XattrReader {
  /** Bytes of names, each with its NUL, in `names`; or the errno negated. */
  list(directory: number, name: Uint8Array): number;
  /** Bytes of the value, in `value`; or the errno negated. */
  get(directory: number, name: Uint8Array, attribute: Uint8Array): number;
}

/** `complete` is false when the file has attributes that couldn't be read. */
export interface Xattrs {
  list: Xattr[];
  complete: boolean;
}

export const NO_XATTRS: Readonly<Xattrs> = { list: [], complete: true };

const names = Buffer.allocUnsafeSlow(XATTR_LIST_MAX);
const value = Buffer.allocUnsafeSlow(XATTR_SIZE_MAX);

const args = Buffer.alloc(XATTR_ARGS.bytes);
args.writeBigUInt64LE(addressOf(value), XATTR_ARGS.value);
args.writeUInt32LE(value.length, XATTR_ARGS.size);

export const xattrsAt: XattrReader = {
  list: (directory, name) =>
    result(listxattrat(SYSCALL.listxattrat, directory, name, AT_SYMLINK_NOFOLLOW, names, names.length)),
  get: (directory, name, attribute) =>
    result(
      getxattrat(SYSCALL.getxattrat, directory, name, AT_SYMLINK_NOFOLLOW, attribute, args, XATTR_ARGS.bytes),
    ),
};

export const xattrsThroughProc: XattrReader = {
  list: (directory, name) => result(llistxattr(procPath(directory, name), names, names.length)),
  get: (directory, name, attribute) =>
    result(lgetxattr(procPath(directory, name), attribute, value, value.length)),
};

/** The reader that this kernel, and what its seccomp profile lets through, allows. */
export function probeXattrs(): XattrReader {
  const answer = xattrsAt.list(AT_FDCWD, HERE);
  if (answer !== -errno.ENOSYS && answer !== -errno.EPERM) return xattrsAt;
  if (existsSync('/proc/self/fd')) return xattrsThroughProc;
  throw new TapeError('IO', 'Extended attributes need /proc on this kernel: mount it');
}

/**
 * The attributes of `name` in a directory, sorted bytewise; or the errno negated, when `name` itself can't be
 * looked up. A file system without attributes has none.
 */
export function readXattrs(reader: XattrReader, directory: number, name: Uint8Array): Xattrs | number {
  const length = reader.list(directory, name);
  if (length > 0) return readValues(reader, { directory, name, attributes: splitNames(length) });
  if (length === 0 || length === -errno.EOPNOTSUPP) return NO_XATTRS;
  // E2BIG: there are more names than the kernel hands out (listxattr(2), BUGS).
  if (length === -errno.E2BIG || isForbidden(length)) return { list: [], complete: false };
  return length;
}

interface Attributes {
  directory: number;
  name: Uint8Array;
  /** With their NULs. */
  attributes: Buffer[];
}

function readValues(reader: XattrReader, { directory, name, attributes }: Attributes): Xattrs | number {
  const found: Xattrs = { list: [], complete: true };
  for (const attribute of attributes) {
    const length = reader.get(directory, name, attribute);
    if (length >= 0) {
      found.list.push({ name: attribute.subarray(0, -1), value: Buffer.from(value.subarray(0, length)) });
    } else if (isForbidden(length)) {
      found.complete = false;
    } else if (length !== -errno.ENODATA && length !== -errno.EOPNOTSUPP) {
      return length;
    }
  }
  return found;
}

function isForbidden(failed: number): boolean {
  return failed === -errno.EACCES || failed === -errno.EPERM;
}

function splitNames(length: number): Buffer[] {
  const own = Buffer.from(names.subarray(0, length));
  const split: Buffer[] = [];
  for (let start = 0; start < length; ) {
    const end = own.indexOf(0, start) + 1;
    split.push(own.subarray(start, end));
    start = end;
  }
  return split.sort(Buffer.compare);
}

const procBuffer = Buffer.alloc('/proc/self/fd//'.length + 10 + NAME_MAX + 1);

function procPath(directory: number, name: Uint8Array): Buffer {
  const prefix = procBuffer.write(`/proc/self/fd/${directory}/`, 'latin1');
  const length = name.indexOf(0) + 1;
  for (let i = 0; i < length; i++) procBuffer[prefix + i] = name[i];
  return procBuffer;
}
