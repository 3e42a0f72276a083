import { SEEK_DATA, SEEK_HOLE } from './constants.ts';
import { errno } from './errno.ts';
import { lseek, result } from './libc.ts';

/**
 * The first offset from `offset` on that holds data; `end` if there's none before it. A file system that can't
 * tell (EINVAL) has data everywhere. Moves the descriptor's own position, which `pread` doesn't use.
 */
export function seekData(fd: number, offset: number, end: number): number {
  const found = result(lseek(fd, offset, SEEK_DATA));
  if (found === -errno.ENXIO) return end;
  return found < 0 ? offset : Math.min(found, end);
}

/** The first offset from `offset` on that is in a hole; `end` if there's none before it. */
export function seekHole(fd: number, offset: number, end: number): number {
  const found = result(lseek(fd, offset, SEEK_HOLE));
  return found < 0 ? end : Math.min(found, end);
}
