import type { PlannedRoot } from '@longshore/shared';
import type { Stat } from './posix/stat.ts';

/** What later workers tell the root by. */
export function plannedRoot({ inode, mtime, mtimeNsec, ctime, ctimeNsec }: Stat): PlannedRoot {
  return { version: 1, inode: String(inode), mtime, mtimeNsec, ctime, ctimeNsec };
}

/**
 * Whether these can be one directory: it may change between two looks, and two mounts may number it differently,
 * but hardly both at once.
 */
export function isSameRoot(left: PlannedRoot, right: PlannedRoot): boolean {
  return left.inode === right.inode || hasSameTimes(left, right);
}

function hasSameTimes(left: PlannedRoot, right: PlannedRoot): boolean {
  return (
    left.mtime === right.mtime &&
    left.mtimeNsec === right.mtimeNsec &&
    left.ctime === right.ctime &&
    left.ctimeNsec === right.ctimeNsec
  );
}
