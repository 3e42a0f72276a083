import { cp, readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, extname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../config.ts';

const MANIFEST = join(root, 'package.json');

/** What nothing loads. */
const LEFT_OUT = new Set(['.map', '.ts', '.mts', '.cts']);

/**
 * Copies packages into `target`: `programs` with what they depend on, as far as it's installed (natives for other machines
 * aren't); `files` by themselves.
 */
export async function copyPackages(
  programs: readonly string[],
  files: readonly string[],
  target: string,
): Promise<void> {
  const folders = new Set<string>();
  for (const name of programs) await addWithDependencies(folders, name, MANIFEST);
  for (const name of files) folders.add(folderOf(name, MANIFEST));
  const filter = (path: string) => !LEFT_OUT.has(extname(path));
  for (const folder of folders)
    await cp(folder, join(target, relative(root, folder)), { recursive: true, filter });
}

/** Adds the package's folder and, in turn, those of its dependencies. */
async function addWithDependencies(folders: Set<string>, name: string, from: string): Promise<void> {
  const folder = folderOf(name, from);
  if (folders.has(folder)) return;
  folders.add(folder);
  const manifest = join(folder, 'package.json');
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(await readFile(manifest, 'utf8'));
  for (const other of Object.keys({ ...dependencies, ...optionalDependencies }))
    if (!(other in optionalDependencies) || isInstalled(other, manifest))
      await addWithDependencies(folders, other, manifest);
}

/** The folder of the package that the one with the manifest `from` gets by this name. */
function folderOf(name: string, from: string): string {
  const manifest = findPackageJSON(name, pathToFileURL(from));
  if (!manifest)
    throw new Error(`${name}, of which the built program needs a copy, is not installed: run npm ci.`);
  return dirname(manifest);
}

function isInstalled(name: string, from: string): boolean {
  try {
    return folderOf(name, from) !== undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return false;
    throw error;
  }
}
