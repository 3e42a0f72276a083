import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contents } from '../corpora/corpus.ts';
import { LogLines } from '../corpora/log-lines.ts';
import { Seeded } from '../corpora/seeded.ts';
import { type Measurement, type MeasureOptions, measure } from '../measure.ts';
import { slowMount } from './slow-mount.ts';

/** How many threads one worker has, or the pipe, which reads one file after the other. */
export type Reader = number | 'pipe';

export interface SlowRun extends Measurement {
  reader: Reader;
}

const FILE_BYTES = 262_144;
const PER_DIRECTORY = 256;

/** Of text to cut files from. */
const POOL_BYTES = 40e6;

/** Makes a directory of files of 256 KiB; some 250 of them are an item. */
export function makeFiles(path: string, files: number): Contents {
  const pool = Buffer.from(new LogLines('slow', 'slow-volume-1').take(POOL_BYTES));
  const seeded = new Seeded('slow-volume-1');
  for (let number = 0; number < files; number++) {
    const folder = join(path, `part-${Math.floor(number / PER_DIRECTORY)}`);
    if (number % PER_DIRECTORY === 0) mkdirSync(folder, { recursive: true });
    const at = seeded.below(pool.length - FILE_BYTES);
    writeFileSync(join(folder, `${number}.log`), pool.subarray(at, at + FILE_BYTES));
  }
  return { files, bytes: files * FILE_BYTES };
}

/** One export to a directory of `files`, in the options' folder, through a mount that answers late. */
export async function measureSlowly(
  reader: Reader,
  { delayMs, ...options }: MeasureOptions & { delayMs: number },
): Promise<SlowRun> {
  const { folder } = options;
  rmSync(join(folder, 'out'), { recursive: true, force: true });
  mkdirSync(join(folder, 'out'));
  await using _ = await slowMount(join(folder, 'files'), { path: join(folder, 'slow'), delayMs });
  const script =
    reader === 'pipe'
      ? 'tar -C slow -cf - . | zstd -q -3 -T0 -o out/bench.tar.zst'
      : `longshore export slow --to out --name bench --workers 1 --threads ${reader} --quiet`;
  return { reader, ...(await measure(script, options)) };
}
