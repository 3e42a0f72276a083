import { DIRENT } from './constants.ts';
import { errno } from './errno.ts';
import { getdents64, result } from './libc.ts';

/** One system call's worth of a directory. */
export const records = Buffer.allocUnsafeSlow(65536);

/** Fills `records`: bytes in use, 0 at the directory's end, or the errno negated. */
export function readRecords(fd: number): number {
  for (;;) {
    const length = result(getdents64(fd, records, records.length));
    if (length !== -errno.EINTR) return length;
  }
}

export function recordLength(at: number): number {
  return records[at + DIRENT.length] | (records[at + DIRENT.length + 1] << 8);
}

/** Where the name of the record at `at` ends; its NUL is there. */
export function endOfName(at: number): number {
  let end = at + DIRENT.name;
  while (records[end] !== 0) end++;
  return end;
}

/** `.` and `..`, which every directory lists. */
export function isDots(at: number): boolean {
  const name = at + DIRENT.name;
  if (records[name] !== 0x2e) return false;
  return records[name + 1] === 0 || (records[name + 1] === 0x2e && records[name + 2] === 0);
}

/** Whether an open directory holds anything, without reading all of it; or the errno negated. */
export function hasNames(fd: number): boolean | number {
  for (;;) {
    const length = readRecords(fd);
    if (length < 0) return length;
    if (length === 0) return false;
    for (let at = 0; at < length; at += recordLength(at)) {
      if (!isDots(at)) return true;
    }
  }
}
