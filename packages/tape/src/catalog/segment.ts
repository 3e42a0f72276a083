import { z } from 'zod';

/**
 * A catalog segment holds the planned entries of one item, in tape order. It is one file:
 *
 *     "LSCATLG1"                          8 bytes
 *     block, block, …                     each: u32 LE byte count, then that many bytes of zstd(msgpack)
 *
 * The first block is the head, the last one the foot; between them stand chunks of entries and lists of
 * skipped names. An entry that reaches beyond the item's end is the last one of this segment, and the first
 * of the next one again, with its whole plan: so any segment can be rendered, and planning resumed after it,
 * without another.
 */
export const SEGMENT_MAGIC = Buffer.from('LSCATLG1');

/** A chunk is closed at this many entries … */
export const CHUNK_ENTRIES = 50_000;
/** … or at this many bytes of names, links and attributes, whatever the volume's owner put there. */
export const CHUNK_BYTES = 8 * 2 ** 20;
/** Above this, a block's length is damage, not data: a chunk plus one entry of the largest size. */
export const MAX_BLOCK_BYTES = 64 * 2 ** 20;

const count = z.number().int().min(0);

export const SegmentHead = z.object({
  kind: z.literal('head'),
  version: z.literal(1),
  item: count,
  /** The item's range of the tape, in bytes; `end` is exclusive. */
  start: count,
  end: count,
  /** Tape offset of the first entry's header: below `start` where the entry began in an earlier item. */
  tapeOffset: count,
  /** SHA-256 (hex) of the segment before this one; empty for item 0. */
  previous: z.string(),
});
export type SegmentHead = z.infer<typeof SegmentHead>;

export const SegmentFoot = z.object({
  kind: z.literal('foot'),
  /** Entries in this segment, one carried over from the segment before included. */
  entries: count,
  /** Regular files planned so far, in this segment and all before it. */
  filesSoFar: count,
  /** Tape offset at which the last entry ends: beyond the item's end where the entry straddles it. */
  tapeEnd: count,
  /** Whether the walk ended here, so that the tape ends at `tapeEnd`. */
  last: z.boolean(),
});
export type SegmentFoot = z.infer<typeof SegmentFoot>;
