import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Contents, Corpus, Making } from './corpus.ts';
import { Noise, Seeded } from './seeded.ts';

const SEED = 'incompressible-1';
const BYTES = 1.5e9;

/** As photographs and short films have it. */
const SIZE = { median: 6e6, spread: 0.9, max: 64e6 };

export const incompressible: Corpus = {
  title: 'Incompressible',
  about: 'noise, in files as large as photographs and short films',
  make,
};

async function make({ path, scale, signal }: Making): Promise<Contents> {
  mkdirSync(path);
  const [seeded, noise] = [new Seeded(SEED), new Noise(SEED)];
  const wanted = BYTES * scale;
  let [files, bytes] = [0, 0];
  while (bytes < wanted) {
    const size = Math.min(seeded.size(SIZE), Math.ceil(wanted - bytes));
    writeFileSync(join(path, `${files++}.bin`), noise.take(size));
    bytes += size;
    await setImmediate();
    signal.throwIfAborted();
  }
  return { files, bytes };
}
