import { TRAILER_BYTES } from '@longshore/tape';
import { EntryCheck } from './entry-check.ts';
import { FrameCheck } from './frame-check.ts';
import type { PublishedArchive } from './published-archive.ts';

/** Looks at the whole index before anything is done by it. Throws UNSAFE_ARCHIVE. */
export function checkIndex({ index, manifest }: PublishedArchive): void {
  const { tape, archive } = manifest;
  const frames = new FrameCheck();
  for (const frame of index.frames({ start: 0, end: Number.MAX_SAFE_INTEGER })) frames.next(frame);
  frames.finish({ tapeBytes: tape.bytes, archiveBytes: archive.bytes });
  const entries = new EntryCheck();
  for (const row of index.rows()) entries.next(row);
  entries.finish(tape.bytes - TRAILER_BYTES);
}
