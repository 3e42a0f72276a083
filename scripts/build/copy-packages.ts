import { cp, readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, extname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root } from '../config.ts';

/** What nothing loads. */
const LEFT_OUT = new Set(['.map', '.ts', '.mts', '.cts']);

/**
 * Copies packages into `target`: `programs` with what they depend on, as far as it's installed (natives for other
 * machines aren't); `files` by themselves. Returns the folders that it copied.
 */
export async function copyPackages(
  programs: readonly string[],
  files: readonly string[],
  target: string,
): Promise<string[]> {
  const manifest = join(root, 'package.json');
  const folders = new Set<string>();
  for (const name of programs) await addWithDependencies(folders, needed(name, manifest));
  for (const name of files) folders.add(needed(name, manifest));
  const filter = (path: string) => !LEFT_OUT.has(extname(path));
  for (const folder of folders)
    await cp(folder, join(target, relative(root, folder)), { recursive: true, filter });
  return [...folders];
}

/** Adds a package's folder and, in turn, those of its dependencies. */
async function addWithDependencies(folders: Set<string>, folder: string): Promise<void> {
  if (folders.has(folder)) return;
  folders.add(folder);
  const manifest = join(folder, 'package.json');
  const { dependencies = {}, optionalDependencies = {} } = JSON.parse(await readFile(manifest, 'utf8'));
  const optional = Object.keys(optionalDependencies);
  const required = Object.keys(dependencies).filter((name) => !optional.includes(name));
  for (const name of required) await addWithDependencies(folders, needed(name, manifest));
  for (const name of optional) {
    const found = find(name, manifest);
    if (found !== undefined) await addWithDependencies(folders, found);
  }
}

function needed(name: string, from: string): string {
  const found = find(name, from);
  if (found !== undefined) return found;
  throw new Error(`${name}, of which the built program needs a copy, is not installed: run npm ci.`);
}

/** The folder of the package that the one with the manifest `from` gets by this name, if it's installed. */
function find(name: string, from: string): string | undefined {
  try {
    const manifest = findPackageJSON(name, pathToFileURL(from));
    return manifest && dirname(manifest);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
