import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { makeVolume, type Volume, walk } from '../../scripts/volume.ts';
import type { Corpus } from './corpus.ts';

const SEED = 'longshore-1';
const BYTES = 2e9;

/** Libraries, programs, headers and texts. */
const SOURCES = ['/usr/lib', '/usr/share', '/usr/bin', '/usr/include', '/usr/local'];

/** No file is a larger part of it. */
const LARGEST = 1 / 20;

export const mixed: Corpus = {
  title: 'Mixed system files',
  about: "files of a Debian system's /usr, from all over it; which ones, the seed says",
  make: ({ path, scale, signal }) => makeMixed({ path, bytes: BYTES * scale, signal }),
};

/** Real files, from all over the sources, that are the same for the same machine and seed. */
export async function makeMixed(options: {
  path: string;
  bytes: number;
  signal: AbortSignal;
}): Promise<Volume> {
  const { chosen, bytes } = choose(options.bytes);
  return makeVolume({ ...options, bytes, sources: SOURCES, takes: (file) => chosen.has(file) });
}

/** The first files by the order that the seed gives them, until they are large enough, or there are no more. */
function choose(wanted: number): { chosen: Set<string>; bytes: number } {
  const all = SOURCES.flatMap((source) => [...walk(source)]).map((path) => ({ path, place: place(path) }));
  const chosen = new Set<string>();
  let bytes = 0;
  for (const { path } of all.sort((a, b) => a.place - b.place)) {
    if (bytes >= wanted) break;
    const stat = lstatSync(path);
    if (stat.size > wanted * LARGEST) continue;
    chosen.add(path);
    if (stat.isFile()) bytes += stat.size;
  }
  return { chosen, bytes };
}

/** By the path alone. */
const place = (file: string) => createHash('sha256').update(`${SEED}\0${file}`).digest().readUIntBE(0, 6);
