import { existsSync } from 'node:fs';
import { glob, readdir, readFile, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PREFIX = 'longshore-container-test-';

let daemons = 0;

/** A name for the control group of what one of this process's daemons runs. */
export const newCgroup = () => `${PREFIX}${process.pid}.${++daemons}`;

/** Its folders: one in each hierarchy (version 1), or one (version 2). */
export async function foldersOf(name: string): Promise<string[]> {
  return (await folders()).filter((folder) => basename(folder) === name);
}

/** Control groups that ended with their processes stay as empty folders. */
export async function removeCgroups(name: string): Promise<void> {
  for (const folder of await foldersOf(name)) await removeTree(folder);
}

/** Those of runs that were killed before they could remove them. */
export async function removeDeadCgroups(): Promise<void> {
  for (const folder of await folders())
    if (!existsSync(`/proc/${Number.parseInt(basename(folder).slice(PREFIX.length), 10)}`))
      await removeTree(folder);
}

const folders = () => Array.fromAsync(glob([`/sys/fs/cgroup/${PREFIX}*`, `/sys/fs/cgroup/*/${PREFIX}*`]));

/** Killed processes may take a moment to be gone; those that stay longer weren't killed. */
const DYING_MS = 10_000;
const LOOK_AGAIN_MS = 20;

/** A control group has files that can't be removed; its folder can when no process and no group is in it. */
async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await removeTree(join(folder, entry.name));
  const deadline = performance.now() + DYING_MS;
  while ((await readFile(join(folder, 'cgroup.procs'), 'utf8')) !== '' && performance.now() < deadline)
    await delay(LOOK_AGAIN_MS);
  await rmdir(folder);
}
