import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FRAME_BYTES } from '@longshore/tape';
import { tempFolder } from '../../test/harness/temp.ts';
import { startS3 } from '../../test/harness/versitygw.ts';
import { BUCKET, environmentFor } from '../contenders.ts';
import { LogLines } from '../corpora/log-lines.ts';
import { type Measurement, measure } from '../measure.ts';

/** What an export of small items cost, as many as there can be: planned, packed, uploaded and finalized for real. */
export interface SmallExport extends Measurement {
  items: number;
}

const SMALL_ITEMS = new URL('./small-items.ts', import.meta.url).href;

const FILES = 100;

/** Of text, in each item; the rest is holes. */
const DATA_BYTES = 4_096;

/** Room for the files' headers, so that there isn't one item more. */
const HEADERS_BYTES = 2 ** 20;

/** From the source, a module of which is replaced. */
const EXPORT = `longshore export corpus --to s3://${BUCKET}/out --name bench --workers 2 --threads 1 --json`;

/** Exports so many items of 4 MiB to S3, with two workers of one thread. */
export async function measureSmallExport(items: number, signal: AbortSignal): Promise<SmallExport> {
  await using temp = await tempFolder('bench-items');
  makeVolume(join(temp.path, 'corpus'), items);
  await using s3 = await startS3({ dir: join(temp.path, 's3') });
  await s3.bucket(BUCKET);
  const environment = { ...environmentFor(s3), NODE_OPTIONS: `--import=${SMALL_ITEMS}` };
  const measured = await measure(`${EXPORT} 2>progress`, { folder: temp.path, environment, signal });
  const last = (await readFile(join(temp.path, 'progress'), 'utf8')).trim().split('\n').at(-1) ?? '';
  const { doneItems } = JSON.parse(last) as { doneItems: number };
  if (doneItems !== items) throw new Error(`the export had ${doneItems} items, not ${items}`);
  return { items, ...measured };
}

/** Files of equal size, whose tape is `items` frames long, or a little less. */
function makeVolume(path: string, items: number): void {
  mkdirSync(path);
  const lines = new LogLines('small', 'small-items-1');
  const size = Math.floor((items * FRAME_BYTES - HEADERS_BYTES) / FILES);
  for (let number = 0; number < FILES; number++) {
    const fd = openSync(join(path, `${number}.img`), 'w');
    ftruncateSync(fd, size);
    for (let at = 0; at + DATA_BYTES <= size; at += FRAME_BYTES)
      writeSync(fd, lines.take(DATA_BYTES).slice(0, DATA_BYTES), at);
    closeSync(fd);
  }
}
