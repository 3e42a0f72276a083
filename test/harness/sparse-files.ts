import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** More than any file system's largest file that is tried here; ext4's is 16 TiB less a block. */
const LARGEST_TRIED = 2 ** 44;
const SMALLEST_TRIED = 2 ** 36;

/**
 * Makes a folder of files that are holes from end to end and have `bytes` in all: as few as the file system allows,
 * of powers of two. Returns their sizes.
 */
export function makeSparseFiles(folder: string, bytes: number): number[] {
  mkdirSync(folder);
  const sizes: number[] = [];
  let size = LARGEST_TRIED;
  for (let left = bytes; left > 0; ) {
    const wanted = Math.min(size, left);
    if (tryMake(join(folder, `hole-${sizes.length}`), wanted)) {
      sizes.push(wanted);
      left -= wanted;
    } else if (size > SMALLEST_TRIED) size /= 2;
    else throw new Error(`${folder} is on a file system without files of ${size} bytes`);
  }
  return sizes;
}

function tryMake(file: string, bytes: number): boolean {
  writeFileSync(file, '');
  try {
    truncateSync(file, bytes);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EFBIG') return false;
    throw error;
  }
}
