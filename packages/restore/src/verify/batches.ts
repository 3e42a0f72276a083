import type { IndexedFrame, IndexReader, IndexRow } from '@longshore/tape';
import { EntryCheck } from '../archive/entry-check.ts';
import { FrameCheck } from '../archive/frame-check.ts';
import type { Span } from '../archive/span.ts';

/** Frames of one batch: 32 MiB of tape, so that a few batches fit in memory however little they compress. */
const BATCH_FRAMES = 8;

/** What is on the tape for one entry. */
export interface Extent {
  id: number;
  /** Header, content and padding. */
  entry: Span;
  /** Content; absent for what has none. */
  content?: Span;
  crc32?: number;
}

/** Consecutive frames, the archive up to their end, and the entries that are on them, as a whole or in part. */
export interface Batch {
  archive: Span;
  tape: Span;
  frames: IndexedFrame[];
  entries: Extent[];
}

/** The headers that a batch has as a whole. One across its end is part of the tape's CRC-32, as all of them are. */
export function headersOf({ tape, entries }: Batch): { id: number; header: Span }[] {
  return entries
    .map(({ id, entry, content }) => ({
      id,
      header: { start: entry.start, end: content?.start ?? entry.end },
    }))
    .filter(({ header }) => header.start >= tape.start && header.end <= tape.end);
}

/**
 * The whole archive in batches; the last one has the archive's end, and mostly no frames. Throws UNSAFE_ARCHIVE
 * where the index contradicts itself, or the sizes that the manifest has.
 */
export function* batches(
  index: IndexReader,
  { tapeBytes, entriesEnd, archiveBytes }: { tapeBytes: number; entriesEnd: number; archiveBytes: number },
): Generator<Batch> {
  const check = new FrameCheck();
  const extents = new ExtentCursor(index, entriesEnd);
  let frames: IndexedFrame[] = [];
  let archiveAt = 0;
  for (const frame of index.frames({ start: 0, end: Number.MAX_SAFE_INTEGER })) {
    check.next(frame);
    frames.push(frame);
    if (frames.length < BATCH_FRAMES) continue;
    const batch = batchOf(frames, archiveAt);
    yield { ...batch, entries: extents.until(batch.tape.end) };
    archiveAt = batch.archive.end;
    frames = [];
  }
  check.finish({ tapeBytes, archiveBytes });
  const last = batchOf(frames, archiveAt);
  yield { ...last, archive: { start: archiveAt, end: archiveBytes }, entries: extents.until(tapeBytes) };
}

function batchOf(frames: IndexedFrame[], archiveAt: number): Omit<Batch, 'entries'> {
  const [first] = frames;
  const last = frames.at(-1);
  if (!first || !last)
    return { frames, archive: { start: archiveAt, end: archiveAt }, tape: { start: 0, end: 0 } };
  return {
    frames,
    archive: { start: archiveAt, end: last.archiveOffset + last.archiveBytes },
    tape: { start: first.tapeOffset, end: last.tapeOffset + last.tapeBytes },
  };
}

/** Goes through the entries along with the frames. */
class ExtentCursor {
  readonly #rows: Iterator<IndexRow>;
  readonly #check = new EntryCheck();
  readonly #end: number;
  #ahead: IndexRow | undefined;
  /** On the tape at the end of the last batch. */
  #open: Extent | undefined;

  constructor(index: IndexReader, end: number) {
    this.#rows = index.rows();
    this.#end = end;
    this.#advance();
  }

  /** The entries that begin before `tapeOffset` and weren't over at the call before. */
  until(tapeOffset: number): Extent[] {
    const entries = this.#open ? [this.#open] : [];
    while (this.#ahead && this.#ahead.tapeOffset < tapeOffset) entries.push(this.#take(this.#ahead));
    const last = entries.at(-1);
    this.#open = last && last.entry.end > tapeOffset ? last : undefined;
    return entries;
  }

  #take(row: IndexRow): Extent {
    this.#advance();
    const { id, tapeOffset, dataOffset, size, crc32 } = row;
    const entry = { start: tapeOffset, end: this.#ahead?.tapeOffset ?? this.#end };
    if (dataOffset === undefined) return { id, entry };
    return { id, entry, content: { start: dataOffset, end: dataOffset + size }, crc32 };
  }

  #advance(): void {
    const next = this.#rows.next();
    this.#ahead = next.done ? undefined : next.value;
    if (next.done) this.#check.finish(this.#end);
    else this.#check.next(next.value);
  }
}
