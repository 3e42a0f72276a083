import { createHash } from 'node:crypto';
import { makeVolume, type Volume } from '../scripts/volume.ts';

const SEED = 'longshore-1';

/** Half of what a system has, libraries, programs, headers and texts alike; which half, the seed says. */
const SOURCES = ['/usr/lib', '/usr/share', '/usr/bin', '/usr/include', '/usr/local'];

/** A corpus of real files that is the same for the same machine and seed. */
export function makeCorpus(options: { path: string; bytes: number; signal: AbortSignal }): Promise<Volume> {
  return makeVolume({ ...options, sources: SOURCES, takes: isChosen });
}

function isChosen(path: string): boolean {
  return createHash('sha256').update(`${SEED}\0${path}`).digest()[0] < 128;
}
