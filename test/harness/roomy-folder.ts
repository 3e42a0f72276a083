import { access, constants, mkdtemp, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { type TempFolder, tempFolder } from './temp.ts';

/** Memory that an inode and its name take on a tmpfs, rounded up. */
const TMPFS_INODE_BYTES = 1_200;

/** Where nearly every Linux has a tmpfs, which makes names ten times as fast as a disk. */
const SHARED_MEMORY = '/dev/shm';

/**
 * A temporary folder with room for so many names: on a tmpfs where that and the memory suffice, otherwise where
 * temporary folders are. Removed by `rm`, because Node would list a million names before it removes the first.
 */
export async function roomyFolder(names: number): Promise<TempFolder> {
  const onTmpfs = await hasRoom(SHARED_MEMORY, names);
  const enough = process.availableMemory() > names * TMPFS_INODE_BYTES * 2;
  const folder = onTmpfs && enough ? await inSharedMemory() : await tempFolder('names');
  return {
    path: folder.path,
    [Symbol.asyncDispose]: async () => {
      await execa('rm', ['-rf', '--', folder.path]);
    },
  };
}

async function inSharedMemory(): Promise<Pick<TempFolder, 'path'>> {
  return { path: await mkdtemp(join(SHARED_MEMORY, 'longshore-names-')) };
}

async function hasRoom(path: string, names: number): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return (await statfs(path)).ffree > names;
  } catch {
    return false;
  }
}
