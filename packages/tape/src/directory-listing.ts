import { DirectoryNames } from './directory-names.ts';
import { type OpenFailure, openFailure } from './open-failure.ts';
import { HERE } from './posix/c-string.ts';
import { closeDescriptor } from './posix/libc.ts';
import { lastStat, type Stat, statAt } from './posix/stat.ts';
import type { Volume } from './volume.ts';

/** An open directory, all its names, and what it is. Whoever has it closes `fd`. */
export interface Listing {
  fd: number;
  names: DirectoryNames;
  stat: Stat;
}

/**
 * Opens a directory from the volume's root and reads it, so that one that was moved out of the volume can't be
 * read. `unreadable` also where its names could be listed but not looked up (no search permission).
 */
export function listDirectory(volume: Volume, path: Buffer): Listing | OpenFailure {
  const fd = volume.openDirectory(path);
  if (typeof fd !== 'number') return fd;
  let kept = false;
  try {
    const searched = statAt(fd, HERE);
    if (searched < 0) return openFailure(searched, path);
    const stat = lastStat();
    const names = DirectoryNames.read(fd);
    if (typeof names === 'number') return openFailure(names, path);
    kept = true;
    return { fd, names, stat };
  } finally {
    if (!kept) closeDescriptor(fd);
  }
}
