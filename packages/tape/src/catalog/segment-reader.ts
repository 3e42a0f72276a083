import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';
import { SKIP_REASONS } from '@longshore/shared';
import { Unpackr } from 'msgpackr';
import { z } from 'zod';
import { TapeError } from '../error.ts';
import { decodeChunk, type PlannedEntry } from './columns.ts';
import { MAX_BLOCK_BYTES, SEGMENT_MAGIC, SegmentFoot, SegmentHead } from './segment.ts';
import type { Skipped } from './segment-writer.ts';

const unpackr = new Unpackr({ useRecords: false });

const SkippedBlock = z.object({
  kind: z.literal('skipped'),
  names: z.array(
    z.tuple([
      z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'not bytes'),
      z.enum(SKIP_REASONS),
    ]),
  ),
});

/** What a segment holds, in the order of its blocks: one head, then entries and skipped names, one foot. */
export type SegmentPart =
  | SegmentHead
  | SegmentFoot
  | ({ kind: 'entry' } & PlannedEntry)
  | ({ kind: 'skipped' } & Skipped);

function corrupt(file: string, why: string, cause?: unknown): TapeError {
  return new TapeError('CORRUPT', `Catalog segment ${file} is damaged (${why}); export the volume again.`, {
    cause,
  });
}

/** A local file that is read from its start to its end. */
class Source implements Disposable {
  #fd: number;
  #left: number;

  constructor(file: string) {
    this.#fd = openSync(file, 'r');
    this.#left = fstatSync(this.#fd).size;
  }

  /** The next bytes; undefined, and no memory taken, where the file has less than so many. */
  take(bytes: number): Buffer | undefined {
    if (bytes > this.#left) return undefined;
    const buffer = Buffer.allocUnsafe(bytes);
    for (let at = 0; at < bytes; ) {
      const got = readSync(this.#fd, buffer, at, bytes - at, null);
      if (got === 0) return undefined;
      at += got;
    }
    this.#left -= bytes;
    return buffer;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function readBlock(source: Source, file: string): unknown {
  const length = source.take(4)?.readUInt32LE();
  if (length === undefined || length > MAX_BLOCK_BYTES) throw corrupt(file, 'it ends too early');
  const packed = source.take(length);
  if (!packed) throw corrupt(file, 'it ends too early');
  try {
    return unpackr.unpack(zstdDecompressSync(packed, { maxOutputLength: 4 * MAX_BLOCK_BYTES }));
  } catch (cause) {
    throw corrupt(file, 'a block cannot be decoded', cause);
  }
}

const kindOf = (block: unknown) =>
  typeof block === 'object' && block !== null && 'kind' in block ? block.kind : undefined;

function* partsOf(block: unknown, file: string): Generator<SegmentPart> {
  switch (kindOf(block)) {
    case 'head':
      return yield SegmentHead.parse(block);
    case 'foot':
      return yield SegmentFoot.parse(block);
    case 'entries':
      for (const planned of decodeChunk(block)) yield { kind: 'entry', ...planned };
      return;
    case 'skipped':
      for (const [path, reason] of SkippedBlock.parse(block).names)
        yield { kind: 'skipped', path: Buffer.from(path), reason };
      return;
    default:
      throw corrupt(file, `a block of an unknown kind`);
  }
}

/**
 * Reads a segment from a local file, synchronously, chunk by chunk: memory holds one chunk. Throws CORRUPT
 * where the file isn't one, or ends before its foot.
 */
export function* readSegment(file: string): Generator<SegmentPart> {
  using source = new Source(file);
  if (!source.take(SEGMENT_MAGIC.length)?.equals(SEGMENT_MAGIC)) throw corrupt(file, 'it has another format');
  try {
    yield* parts(source, file);
  } catch (error) {
    if (error instanceof z.ZodError) throw corrupt(file, z.prettifyError(error), error);
    throw error;
  }
}

function* parts(source: Source, file: string): Generator<SegmentPart> {
  let entries = 0;
  for (let blocks = 0; ; blocks++) {
    const block = readBlock(source, file);
    if ((kindOf(block) === 'head') !== (blocks === 0)) throw corrupt(file, "its head isn't its first block");
    for (const part of partsOf(block, file)) {
      if (part.kind === 'entry') entries++;
      if (part.kind === 'foot' && part.entries !== entries)
        throw corrupt(file, `${entries} of its ${part.entries} entries are there`);
      yield part;
    }
    if (kindOf(block) === 'foot') return;
  }
}
