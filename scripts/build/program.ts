import { chmod, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from './bundle.ts';
import { copyPackages } from './copy-packages.ts';
import { findEntries } from './entries.ts';
import { writeLicenses } from './licenses.ts';
import { writeManifest } from './manifest.ts';

/** Packages that load compiled code by its place. */
const NATIVE = ['koffi', '@node-rs/crc32'];

/** Packages of which only files are served, and no code runs. */
const FILES = ['@bull-board/ui'];

/**
 * Builds `longshore` into `folder`, in place of what was there: a program that runs by Node 26 alone, on machines with
 * this one's processor and C library, whose compiled code it has.
 */
export async function buildProgram(folder: string): Promise<void> {
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  const entries = await findEntries();
  const bundled = await bundle(entries, [...NATIVE, ...FILES], partial);
  const copied = await copyPackages(NATIVE, FILES, partial);
  await writeLicenses([...bundled, ...copied], partial);
  await writeManifest(entries, partial);
  await mkdir(join(partial, 'bin'));
  await chmod(join(partial, 'longshore.js'), 0o755);
  await symlink('../longshore.js', join(partial, 'bin/longshore'));
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder);
}
