import { join } from 'node:path';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { type TempFolder, tempFolder } from './temp.ts';

/**
 * A volume of four items (64 MiB of tape each) that take a second or so each, with enough files that planning
 * and indexing can be met at work: 60 files of 200 MB and 20,000 of 20 MB; half of the bytes don't compress.
 */
export async function largeVolume(): Promise<TempFolder> {
  const temp = await tempFolder('volume');
  makeRandomTree(join(temp.path, 'large'), { seed: 1, bytes: 200e6, files: 60 });
  makeRandomTree(join(temp.path, 'small'), { seed: 2, bytes: 20e6, files: 20_000 });
  return temp;
}
