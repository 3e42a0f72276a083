import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { DRIFT_KINDS, type DriftKind } from '@longshore/shared';
import { Packr } from 'msgpackr';
import { z } from 'zod';
import { TapeError } from './error.ts';
import { FRAME_BYTES } from './layout.ts';

const packr = new Packr({ useRecords: false });
const count = z.number().int().min(0);
const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'not bytes');

/** One file that wasn't as planned: its ordinal among its segment's entries, counted from 0. */
export interface DriftedEntry {
  row: number;
  kind: DriftKind;
}

/** What one attempt at packing an item wrote, and what the finalizer needs to prove and describe it. */
export interface ItemRecord {
  item: number;
  /** Unique; also the last component of the record's key, and of the runt's. */
  attempt: string;
  /** Tape range in bytes, `end` exclusive. */
  start: number;
  end: number;
  /** SHA-256 (hex) of the catalog segment that was rendered. */
  digest: string;
  /** ETag of the part in the upload; absent for a runt, whose bytes are in the work area. */
  etag: string | undefined;
  /** Compressed bytes, the archive's prologue in item 0 included. */
  bytes: number;
  /** CRC-32 of these. */
  archiveCrc32: number;
  /** CRC-32 of the tape range. */
  crc32: number;
  /** Compressed size of each frame; raw sizes follow from the range. */
  frames: Uint32Array;
  /** CRC-32 of each file's content inside the range, for files that have any, in tape order. */
  crcs: Uint32Array;
  drift: DriftedEntry[];
}

const Stored = z.object({
  version: z.literal(2),
  item: count,
  attempt: z.string(),
  start: count,
  end: count,
  digest: z.string(),
  etag: z.string().optional(),
  bytes: count,
  archiveCrc32: count,
  crc32: count,
  frames: bytes,
  crcs: bytes,
  driftRows: bytes,
  driftKinds: bytes,
});

const raw = (array: Uint32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const damaged = () => new TapeError('CORRUPT', 'An item record is damaged; it will be made again.');

function numbers(data: Uint8Array): Uint32Array {
  if (data.length % 4 !== 0) throw damaged();
  return new Uint32Array(new Uint8Array(data).buffer);
}

function driftOf(rows: Uint32Array, kinds: Uint8Array): DriftedEntry[] {
  if (rows.length !== kinds.length) throw damaged();
  return Array.from(rows, (row, at) => {
    const kind = DRIFT_KINDS[kinds[at]];
    if (kind === undefined) throw damaged();
    return { row, kind };
  });
}

/** With a checksum, so that damage shows. */
function pack(content: unknown): Buffer {
  return zstdCompressSync(packr.pack(content), { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
}

/** A record as the bytes that stand in the work area: zstd(msgpack). */
export function encodeRecord(record: ItemRecord): Buffer {
  const { frames, crcs, drift, ...plain } = record;
  const stored: z.input<typeof Stored> = {
    version: 2,
    ...plain,
    frames: raw(frames),
    crcs: raw(crcs),
    driftRows: raw(Uint32Array.from(drift, ({ row }) => row)),
    driftKinds: Uint8Array.from(drift, ({ kind }) => DRIFT_KINDS.indexOf(kind)),
  };
  return pack(stored);
}

function unpack<T>(schema: z.ZodType<T>, data: Uint8Array): T {
  try {
    return schema.parse(packr.unpack(zstdDecompressSync(data, { maxOutputLength: 2 ** 30 })));
  } catch (cause) {
    throw new TapeError('CORRUPT', 'A record in the work area cannot be read; it will be made again.', {
      cause,
    });
  }
}

/** Reads what `encodeRecord` wrote; throws CORRUPT for anything else. */
export function decodeRecord(data: Uint8Array): ItemRecord {
  const { version: _, driftRows, driftKinds, frames, crcs, etag, ...plain } = unpack(Stored, data);
  const drift = driftOf(numbers(driftRows), driftKinds);
  return { ...plain, etag, frames: numbers(frames), crcs: numbers(crcs), drift };
}

/** Raw bytes of each frame of a range: whole frames, and what is left in the last one. */
export function rawFrameBytes({ start, end }: { start: number; end: number }, frame: number): number {
  return Math.min(FRAME_BYTES, end - start - frame * FRAME_BYTES);
}

/** Runts that stand in the upload as one part. */
export interface WeldRecord {
  first: number;
  last: number;
  /** The attempt whose runt was taken, for each item from `first` to `last`. */
  attempts: string[];
  /** Padding bytes that were asked for and written after the last runt; 0 where the runts suffice. */
  padding: number;
  etag: string;
  /** Size of the part, padding included. */
  bytes: number;
}

const StoredWeld = z.object({
  version: z.literal(1),
  first: count,
  last: count,
  attempts: z.array(z.string()),
  padding: count,
  etag: z.string(),
  bytes: count,
});

export function encodeWeld(weld: WeldRecord): Buffer {
  return pack({ version: 1, ...weld });
}

/** Reads what `encodeWeld` wrote; throws CORRUPT for anything else. */
export function decodeWeld(data: Uint8Array): WeldRecord {
  const { version: _, ...weld } = unpack(StoredWeld, data);
  return weld;
}
