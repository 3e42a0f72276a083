import { crc32Hex, TRAILER_BYTES } from '@longshore/tape';
import { type OpenOptions, PublishedArchive } from '../archive/published-archive.ts';
import { SharedMemory } from '../archive/shared-memory.ts';
import { overlap, type Span } from '../archive/span.ts';
import type { OnPosition } from '../archive/tape-position.ts';
import { inOrder } from '../threads/in-order.ts';
import { TaskThreads } from '../threads/task-threads.ts';
import { type Batch, batches, headersOf } from './batches.ts';
import type { VerifyReply, VerifyTask } from './protocol.ts';
import { SegmentCursor, SegmentTally } from './segments.ts';
import { Tally } from './tally.ts';

export interface VerifyOptions extends OpenOptions {
  threads: number;
  onPosition?: OnPosition;
  signal?: AbortSignal;
}

/** An entry that is damaged: it can't be read (`unreadable`), or its content isn't what was written (`crc32`). */
export interface DamagedPath {
  path: Buffer;
  reason: 'unreadable' | 'crc32';
}

/** What was found; sizes in bytes, CRC-32 as 8 hexadecimal digits. */
export interface Verification {
  /** Nothing in the archive differs from what was published. */
  whole: boolean;
  archive: { bytes: number; expectedBytes: number };
  /** The upload's parts, by the CRC-32 of the archive's bytes; `damaged` are their numbers, from 0. */
  segments: { count: number; damaged: number[] };
  frames: { count: number; damaged: number };
  tape: { bytes: number; crc32: string; expectedCrc32: string };
  entries: { count: number; expectedCount: number; files: number };
  damaged: DamagedPath[];
  /** Recorded when the archive was made: files that changed then, and names that are not in it. No damage. */
  recorded: { drift: number; lost: number };
}

/**
 * Reads an archive to its end and compares it with its manifest and its index: sizes, the CRC-32 of its segments, of
 * the tape and of each file's content. Rejects where that can't be done: `PublishedArchive.open` says how, and
 * UNSAFE_ARCHIVE stands for an index that contradicts itself or the manifest.
 */
export async function verifyArchive(archive: string, options: VerifyOptions): Promise<Verification> {
  await using published = await PublishedArchive.open(archive, options);
  const script = new URL(import.meta.resolve('#verify-thread'));
  await using threads = new TaskThreads<VerifyTask, VerifyReply>(script, { count: options.threads });
  const { archive: expected, tape } = published.manifest;
  const memory = new SharedMemory();
  const tally = new Tally();
  const segments = new SegmentTally(expected.segments);
  const sizes = {
    tapeBytes: tape.bytes,
    entriesEnd: tape.bytes - TRAILER_BYTES,
    archiveBytes: expected.bytes,
  };
  const cursor = new SegmentCursor(expected.segments);
  const work = async (batch: Batch) => {
    options.signal?.throwIfAborted();
    const pieces = cursor.within(batch.archive);
    return { batch, pieces, reply: await verifyBatch(batch, { pieces, published, memory, threads }) };
  };
  options.onPosition?.({ at: 0, tapeBytes: tape.bytes });
  for await (const { batch, pieces, reply } of inOrder(batches(published.index, sizes), {
    depth: 2 * options.threads,
    work,
  })) {
    tally.add(batch, reply);
    segments.add(pieces, reply.segmentCrcs);
    // The last batch has mostly no frames.
    const at = batch.frames.length > 0 ? batch.tape.end : tape.bytes;
    options.onPosition?.({ at, tapeBytes: tape.bytes });
  }
  return verificationOf(published, { tally, segments });
}

interface Means {
  pieces: readonly Span[];
  published: PublishedArchive;
  memory: SharedMemory;
  threads: TaskThreads<VerifyTask, VerifyReply>;
}

async function verifyBatch(batch: Batch, means: Means): Promise<VerifyReply> {
  const { archive, tape, frames, entries } = batch;
  using memory = means.memory.borrow(archive.end - archive.start);
  const bytes = await means.published.read(archive.start, memory.bytes);
  const contents = entries
    .map(({ content }) => content && overlap(content, tape))
    .filter((span) => span !== undefined);
  const headers = headersOf(batch).map(({ header }) => header);
  const task = {
    format: means.published.format,
    archive,
    bytes,
    frames,
    contents,
    headers,
    segments: means.pieces,
  };
  return await means.threads.run(task);
}

function verificationOf(
  published: PublishedArchive,
  { tally, segments }: { tally: Tally; segments: SegmentTally },
): Verification {
  const { archive, tape, entries, drift, skipped } = published.manifest;
  const found = {
    archive: { bytes: published.bytes, expectedBytes: archive.bytes },
    segments: { count: archive.segments.length, damaged: segments.damaged },
    frames: { count: tally.frames, damaged: tally.damagedFrames },
    tape: { bytes: tape.bytes, crc32: crc32Hex(tally.tapeCrc32), expectedCrc32: tape.crc32 },
    entries: { count: tally.entries, expectedCount: entries.count, files: tally.files },
    damaged: tally.damaged.map(({ id, reason }) => ({ path: published.index.pathOf(id), reason })),
    recorded: { drift: drift.count, lost: skipped.lost },
  };
  return { whole: isWhole(found), ...found };
}

function isWhole({
  archive,
  segments,
  frames,
  tape,
  entries,
  damaged,
}: Omit<Verification, 'whole'>): boolean {
  return (
    archive.bytes === archive.expectedBytes &&
    segments.damaged.length === 0 &&
    frames.damaged === 0 &&
    tape.crc32 === tape.expectedCrc32 &&
    entries.count === entries.expectedCount &&
    damaged.length === 0
  );
}
