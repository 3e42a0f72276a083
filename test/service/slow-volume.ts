import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { FRAME_BYTES, itemRange } from '../../packages/tape/src/layout.ts';
import { makeRandomTree } from '../fixtures/random-tree.ts';

/** Of tar.zst: it makes a frame of nearly nothing take some tens of milliseconds, and an item half a second. */
export const SLOWEST = 19;

/** Ordinary files, of which the first item becomes a part; what comes behind becomes runts. */
const TREE_BYTES = 24e6;

/** Headers, and what the tree's files are off their mean. */
const SPARE_BYTES = 8e6;

/** Makes a volume of so many items that takes little room, and at its slowest level long enough to be met at work. */
export function makeSlowVolume(folder: string, { items }: { items: number }): void {
  mkdirSync(folder);
  makeRandomTree(folder, { seed: 11, bytes: TREE_BYTES, files: 200 });
  const file = join(folder, 'z-nearly-nothing');
  writeFileSync(file, '');
  const bytes = itemRange(items - 1).end - TREE_BYTES - SPARE_BYTES;
  truncateSync(file, bytes);
  scatterBytes(file, Math.floor(bytes / FRAME_BYTES));
}

/** Puts a byte into each of a file's first frames, so that they aren't holes. */
export function scatterBytes(file: string, frames: number): void {
  const handle = openSync(file, 'r+');
  for (let frame = 0; frame < frames; frame++) writeSync(handle, 'x', frame * FRAME_BYTES);
  closeSync(handle);
}
