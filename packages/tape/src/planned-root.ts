import type { PlannedRoot } from '@longshore/shared';
import type { Stat } from './posix/stat.ts';

/** What later workers tell the root by. Not its times: directories that were made together share them. */
export function plannedRoot({ inode }: Pick<Stat, 'inode'>): PlannedRoot {
  return { version: 1, inode: String(inode) };
}

export function isSameRoot(left: PlannedRoot, right: PlannedRoot): boolean {
  return left.inode === right.inode;
}
