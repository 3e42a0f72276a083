import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TapeError } from '@longshore/tape';
import type { ExportContext } from './export-context.ts';

export interface FetchSegmentOptions {
  item: number;
  /** Local file to write. */
  file: string;
  signal: AbortSignal;
}

/** Copies an item's catalog segment into a local file; returns its SHA-256 in hex. */
export async function fetchSegment(
  { store, area }: ExportContext,
  { item, file, signal }: FetchSegmentOptions,
): Promise<string> {
  const hash = createHash('sha256');
  const hashed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(undefined, chunk);
    },
  });
  await pipeline(await store.get(area.segment(item), { signal }), hashed, createWriteStream(file), {
    signal,
  });
  return hash.digest('hex');
}

/** The same, and refuses a segment that isn't the one with this digest: CORRUPT. */
export async function fetchExactSegment(
  context: ExportContext,
  options: FetchSegmentOptions & { digest: string },
): Promise<void> {
  const digest = await fetchSegment(context, options);
  if (digest === options.digest) return;
  throw new TapeError(
    'CORRUPT',
    `Catalog segment ${options.item} isn't the one that was planned; it is read again.`,
  );
}
