import { createHash } from 'node:crypto';
import { execa } from 'execa';
import { makeVolume, type Volume } from '../../scripts/volume.ts';
import type { Corpus } from './corpus.ts';

const SEED = 'longshore-1';
const BYTES = 2e9;

/** Libraries, programs, headers and texts. */
const SOURCES = ['/usr/lib', '/usr/share', '/usr/bin', '/usr/include', '/usr/local'];

/** A little more than is wanted is chosen, because what links point to and nobody may read isn't copied. */
const CHOSEN = 1.1;

export const mixed: Corpus = {
  title: 'Mixed system files',
  about: "files of a Debian system's /usr, from all over it; which ones, the seed says",
  make: ({ path, scale, signal }) => makeMixed({ path, bytes: BYTES * scale, signal }),
};

/** Real files that are the same for the same machine and seed. */
export async function makeMixed(options: {
  path: string;
  bytes: number;
  signal: AbortSignal;
}): Promise<Volume> {
  const share = (options.bytes * CHOSEN) / (await installedBytes());
  return makeVolume({ ...options, sources: SOURCES, takes: (file) => place(file) < share });
}

async function installedBytes(): Promise<number> {
  // It fails where a folder is missing or closed, and still says what the others have.
  const { stdout } = await execa('du', ['--summarize', '--total', '--bytes', ...SOURCES], { reject: false });
  return Number.parseInt(stdout.split('\n').at(-1) ?? '', 10);
}

/** In [0, 1), by the path alone. */
const place = (file: string) =>
  createHash('sha256').update(`${SEED}\0${file}`).digest().readUInt32LE() / 2 ** 32;
