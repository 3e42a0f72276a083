import type { DriftKind } from '@longshore/shared';
import type { Entry } from '../entry.ts';

/** What a file's `statx` says of it: the part that drift is told by. */
export interface Identity {
  size: number | bigint;
  mtime: number;
  mtimeNsec: number;
  ctime: number;
  ctimeNsec: number;
  inode: bigint;
}

function sameTimes(plan: Entry, now: Identity): boolean {
  return (
    plan.mtime === now.mtime &&
    plan.mtimeNsec === now.mtimeNsec &&
    plan.ctime === now.ctime &&
    plan.ctimeNsec === now.ctimeNsec
  );
}

/** Whether only the inode number tells `now` from the plan: on some mounts it does for every file. */
export function differsByInodeOnly(plan: Entry, now: Identity): boolean {
  return Number(now.size) === plan.size && sameTimes(plan, now) && plan.inode !== now.inode;
}

/**
 * How a file differs from its plan, or undefined. The device number never counts: it differs between two
 * mounts of one volume. The inode counts only where it's known to be stable across mounts.
 */
export function driftOf(plan: Entry, now: Identity, inodes: 'stable' | 'unstable'): DriftKind | undefined {
  const size = Number(now.size);
  if (size < plan.size) return 'shrank';
  if (size > plan.size) return 'grew';
  if (!sameTimes(plan, now)) return 'changed';
  return inodes === 'stable' && plan.inode !== now.inode ? 'changed' : undefined;
}
