import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { CliError } from '../error.ts';

/** The directory to export, as an absolute path; USAGE where it isn't one. */
export async function sourceDirectory(src: string): Promise<string> {
  const path = resolve(src);
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? "doesn't exist" : `can't be looked at (${cause.code})`;
    throw new CliError('USAGE', `${src} ${why}: give the directory to export.`, { cause });
  });
  if (found.isDirectory()) return path;
  throw new CliError('USAGE', `${src} is not a directory: give the directory to export.`);
}

/** A path with its links resolved as far as it exists. */
async function realpathOfExisting(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realpathOfExisting(parent), basename(path));
  }
}

/** Refuses an archive that would contain itself: USAGE. `destination` is a directory. */
export async function refuseInside(source: string, destination: string): Promise<void> {
  const outer = await realpath(source);
  const inner = await realpathOfExisting(resolve(destination));
  if (inner !== outer && !inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)) return;
  const message = `The destination ${destination} is inside of ${source}: the archive would contain itself; choose another.`;
  throw new CliError('USAGE', message);
}

/** SRC's base name and the start time: `data-20261122T170000Z`. */
export function defaultName(source: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${basename(source) || 'root'}-${stamp}`;
}
