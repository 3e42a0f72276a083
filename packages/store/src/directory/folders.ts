import { mkdir, open, rmdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from '../error.ts';
import { errnoOf, unless } from './fault.ts';

/** How often another process may take an empty folder away just when it is about to be used. */
const RACES = 100;

const STAYS: ReadonlySet<string> = new Set(['ENOTEMPTY', 'EEXIST', 'EBUSY']);

/** Not every file system lets a directory be synced, and then there is nothing to be done for it. */
const UNSYNCABLE: ReadonlySet<string> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'EACCES', 'ENOENT']);

/**
 * Runs `act`, which needs `folder`, and makes that folder whenever it isn't there: another process removes
 * folders as they become empty. Never makes the store's root anew: a root that's gone is a file system that was
 * unmounted.
 */
export async function inFolder<T>(root: string, folder: string, act: () => Promise<T>): Promise<T> {
  for (let race = 1; ; race++) {
    try {
      return await act();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || race === RACES) throw error;
      await makeFolder(root, folder);
    }
  }
}

async function makeFolder(root: string, folder: string): Promise<void> {
  if (folder === root) return expectRoot(root);
  try {
    await mkdir(folder);
    await syncFolder(dirname(folder));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return makeFolder(root, dirname(folder));
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function expectRoot(root: string): Promise<void> {
  if (await unless(new Set(['ENOENT']), () => stat(root), undefined)) return;
  throw new StoreError('UNREACHABLE', `the directory ${root} is gone; check that its file system is mounted`);
}

/** Removes `folder` and the folders above it, as far up as they are empty, and never `root` itself. */
export async function removeEmptyFolders(root: string, folder: string): Promise<void> {
  for (let at = folder; at !== root; at = dirname(at)) {
    try {
      await rmdir(at);
    } catch (error) {
      // Gone already, perhaps by a process that was killed before it came to the folder above.
      if (errnoOf(error) === 'ENOENT') continue;
      if (STAYS.has(errnoOf(error) ?? '')) return;
      throw error;
    }
  }
}

/** Makes the names in a folder outlive a power cut (fsync(2): a file's own sync doesn't cover its name). */
export async function syncFolder(folder: string): Promise<void> {
  await unless(
    UNSYNCABLE,
    async () => {
      await using handle = await open(folder, 'r');
      await handle.sync();
    },
    undefined,
  );
}
