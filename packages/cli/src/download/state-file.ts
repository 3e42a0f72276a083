import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { CliError } from '../error.ts';
import type { ByteRange } from './open-range.ts';

const offset = z.number().int().min(0);

/** What a `.part` file holds, as it stands in the file beside it. */
export const DownloadState = z.object({
  version: z.literal(1),
  /** Of the export. */
  id: z.string(),
  /** Of the archive. */
  etag: z.string(),
  bytes: offset,
  /** What is there and checked, in order; `end` is exclusive, and neighbours are one range. */
  verified: z.array(z.object({ start: offset, end: offset })),
});
export type DownloadState = z.infer<typeof DownloadState>;

/** Undefined where there is none; TARGET_EXISTS for a file that is something else. */
export async function readState(file: string): Promise<DownloadState | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (text === undefined) return undefined;
  try {
    return DownloadState.parse(JSON.parse(text));
  } catch (cause) {
    const message = `${file} isn't a download's state of this version: move it away, or choose another --output.`;
    throw new CliError('TARGET_EXISTS', message, { cause });
  }
}

/** Replaces the file at once: whoever is killed, or loses power, leaves the old one or the new one. */
export async function writeState(file: string, state: DownloadState): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify(state)}\n`, { flush: true });
  await rename(`${file}.new`, file);
}

/** Adds a range to ranges that are in order and apart, and joins what touches: there are few however many were added. */
export function withRange(ranges: readonly ByteRange[], { start, end }: ByteRange): ByteRange[] {
  const before = ranges.filter((range) => range.end < start);
  const after = ranges.filter((range) => range.start > end);
  const joined = ranges.slice(before.length, ranges.length - after.length);
  const from = Math.min(start, ...joined.map((range) => range.start));
  const to = Math.max(end, ...joined.map((range) => range.end));
  return [...before, { start: from, end: to }, ...after];
}

export function covers(ranges: readonly ByteRange[], { start, end }: ByteRange): boolean {
  return ranges.some((range) => range.start <= start && range.end >= end);
}
