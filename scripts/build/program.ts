import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { copyPackages } from './copy-packages.ts';
import { findEntries } from './entries.ts';
import { writeManifest } from './manifest.ts';

/** Packages that load compiled code by its place. */
const NATIVE = ['koffi', '@node-rs/crc32'];

/** Packages of which only files are served, and no code runs. */
const FILES = ['@bull-board/ui'];

/** Builds `longshore` into `folder`, in place of what was there: a program that needs nothing but Node 26. */
export async function buildProgram(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const entries = await findEntries();
  await bundle(entries, [...NATIVE, ...FILES], folder);
  await copyPackages(NATIVE, FILES, folder);
  await writeManifest(entries, folder);
  await chmod(join(folder, 'longshore.js'), 0o755);
}
