import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Contents, Corpus, Making } from './corpus.ts';
import { LogLines } from './log-lines.ts';
import { Noise, Seeded } from './seeded.ts';

const SEED = 'sparse-1';

/** As disk images are. */
const FILES = 4;
const FILE_BYTES = 5 * 2 ** 30;
const DATA_BYTES = 50e6;

/** What file systems allocate; extents begin and end on it. */
const BLOCK_BYTES = 4_096;
const EXTENT_BLOCKS = { median: 32, spread: 1, max: 512 };

export const sparse: Corpus = {
  title: 'Sparse files',
  about:
    'four disk images with 50 MB of data in each, half of it noise and half of it text, and holes elsewhere',
  make,
};

async function make({ path, scale, signal }: Making): Promise<Contents> {
  mkdirSync(path);
  const bytes = Math.ceil((FILE_BYTES * scale) / BLOCK_BYTES) * BLOCK_BYTES;
  for (let number = 0; number < FILES; number++) {
    signal.throwIfAborted();
    writeImage(join(path, `disk-${number}.img`), {
      bytes,
      data: DATA_BYTES * scale,
      seed: `${SEED} ${number}`,
    });
    await setImmediate();
  }
  return { files: FILES, bytes: FILES * bytes };
}

interface Image {
  bytes: number;
  data: number;
  seed: string;
}

/** Extents may overlap, of which there are so few that it doesn't matter. */
function writeImage(file: string, { bytes, data, seed }: Image): void {
  const seeded = new Seeded(seed);
  const [noise, lines] = [new Noise(seed), new LogLines('disk', seed)];
  const fd = openSync(file, 'w');
  try {
    ftruncateSync(fd, bytes);
    let isNoise = false;
    for (let written = 0; written < data; isNoise = !isNoise) {
      const blocks = Math.min(seeded.size(EXTENT_BLOCKS), bytes / BLOCK_BYTES);
      const length = blocks * BLOCK_BYTES;
      const extent = isNoise ? noise.take(length) : Buffer.from(lines.take(length)).subarray(0, length);
      writeSync(fd, extent, 0, length, seeded.below(bytes / BLOCK_BYTES - blocks + 1) * BLOCK_BYTES);
      written += length;
    }
  } finally {
    closeSync(fd);
  }
}
