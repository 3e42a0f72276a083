import { writeSync } from 'node:fs';
import { RestoreError } from '../error.ts';

/** What file systems keep as holes, mostly. */
const HOLE_BYTES = 4096;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/**
 * Writes at `offset`, without whole blocks of zeros: where nothing was written there are holes, which read as zeros.
 * Answers where the last byte was written: a hole at the end is the caller's, by the file's size.
 */
export function writeContent(fd: number, content: Buffer, offset: number): number {
  let written = 0;
  for (let at = 0; at < content.length; ) {
    const start = endOfRun(content, at, true);
    at = endOfRun(content, start, false);
    writeAll(fd, content.subarray(start, at), offset + start);
    if (at > start) written = at;
  }
  return offset + written;
}

/** Where blocks end that are all zeros, or all not. */
function endOfRun(content: Buffer, start: number, zeros: boolean): number {
  let at = start;
  while (at < content.length && isZeroBlock(content, at) === zeros) at += HOLE_BYTES;
  return Math.min(at, content.length);
}

function isZeroBlock(content: Buffer, at: number): boolean {
  if (content[at] !== 0) return false;
  const end = Math.min(at + HOLE_BYTES, content.length);
  return content.compare(ZEROS, 0, end - at, at, end) === 0;
}

function writeAll(fd: number, data: Buffer, offset: number): void {
  try {
    for (let at = 0; at < data.length; ) at += writeSync(fd, data, at, data.length - at, offset + at);
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new RestoreError('IO', `Writing a file failed with ${why}: see to the disk's space and health.`, {
      cause,
    });
  }
}
