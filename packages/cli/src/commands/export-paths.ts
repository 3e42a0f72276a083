import { access, constants, lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError } from '../error.ts';

/** The directory to export, as an absolute path; USAGE where it isn't one, or can't be read. */
export async function sourceDirectory(src: string): Promise<string> {
  if (src === '') throw new CliError('USAGE', 'SRC is empty: give the directory to export.');
  const path = resolve(src);
  const found = await stat(path).catch(async (cause: NodeJS.ErrnoException) => {
    const why = await reasonFor(path, cause);
    throw new CliError('USAGE', `${src} ${why}: give the directory to export.`, { cause });
  });
  if (!found.isDirectory())
    throw new CliError('USAGE', `${src} is not a directory: give the directory to export.`);
  await expectReadable(src, path);
  return path;
}

async function reasonFor(path: string, { code }: NodeJS.ErrnoException): Promise<string> {
  if (code !== 'ENOENT') return `can't be looked at (${code})`;
  const link = await lstat(path).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  return link ? `is a link to ${await readlink(path)}, which doesn't exist` : "doesn't exist";
}

async function expectReadable(src: string, path: string): Promise<void> {
  await access(path, constants.R_OK | constants.X_OK).catch((cause: NodeJS.ErrnoException) => {
    const message = `${src} can't be read (${cause.code}): allow this user to read and enter it.`;
    throw new CliError('USAGE', message, { cause });
  });
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

/** DEST as an absolute path, or as the URL that it is; USAGE where it is empty. */
export function resolveDestination(dest: string): string {
  if (dest === '') throw new CliError('USAGE', '--to is empty: give s3://BUCKET/PREFIX or a directory.');
  if (dest.startsWith('file://')) return pathOfFileUrl(dest);
  return dest.includes('://') ? dest : resolve(dest);
}

/** A URL that isn't a path's stays as it is: the store refuses it. */
function pathOfFileUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

/** Whether `path` is `folder` or in it, by whatever links; neither has to exist. */
export async function contains(folder: string, path: string): Promise<boolean> {
  const outer = await realpathOfExisting(folder);
  const inner = await realpathOfExisting(path);
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** Refuses an archive that would contain itself: USAGE. `destination` is as `resolveDestination` made it. */
export async function refuseInside(source: string, destination: string): Promise<void> {
  if (destination.includes('://') || !(await contains(source, destination))) return;
  const message = `The destination ${destination} is inside of ${source}: the archive would contain itself; choose another.`;
  throw new CliError('USAGE', message);
}

/** SRC's base name and the start time: `data-20261122T170000Z`. */
export function defaultName(source: string, now: Date): string {
  const stamp = now.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return `${basename(source) || 'root'}-${stamp}`;
}
