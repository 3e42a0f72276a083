import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ABSENT, unless } from './fault.ts';

/**
 * A file's ETag: inode, size and mtime in nanoseconds, in hex. Files are written under another name and put
 * into place whole, so one that takes another's place has another inode, whatever its clock says. It tells
 * files apart, not contents.
 */
export function etagOf({ ino, size, mtimeNs }: BigIntStats): string {
  return [ino, size, mtimeNs].map((number) => number.toString(16)).join('-');
}

/** A regular file's state, or undefined where there is none. */
export async function statFile(path: string): Promise<BigIntStats | undefined> {
  const seen = await unless(ABSENT, () => stat(path, { bigint: true }), undefined);
  return seen?.isFile() ? seen : undefined;
}
