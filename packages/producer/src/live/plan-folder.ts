import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ProducerError } from '../error.ts';

/** Of a plans' folder: everyone's temporary folder is no place for it, but a folder in there is. */
const OTHERS_WRITE = 0o022;

/**
 * Makes what isn't there of a folder for plans. Whoever may write there decides what archives say of their files, so
 * one that's somebody else's is refused: BAD_PLAN_FOLDER.
 */
export async function makePlanFolder(folder: string): Promise<void> {
  const uid = process.geteuid?.();
  for (const part of ['plans', 'making']) await mkdir(join(folder, part), { recursive: true, mode: 0o700 });
  // Volumes of containers are root's, and open to all who are in there.
  const top = await lstat(folder);
  if (!top.isDirectory() || (top.uid !== uid && top.uid !== 0)) throw badFolder(folder);
  for (const part of ['plans', 'making']) {
    const stat = await lstat(join(folder, part));
    if (!stat.isDirectory() || stat.uid !== uid || (stat.mode & OTHERS_WRITE) !== 0) throw badFolder(folder);
  }
}

function badFolder(folder: string): ProducerError {
  return new ProducerError(
    'BAD_PLAN_FOLDER',
    `The folder for plans, ${folder}, isn't this user's alone: remove it, or set live.folder.`,
  );
}
