import { TapeError } from './error.ts';
import { STEPS } from './item-steps.ts';

/** A tar record's size (POSIX.1-2001, "ustar Interchange Format"); headers and contents are padded to it. */
export const BLOCK_BYTES = 512;

/** Raw bytes of a frame: 1 MiB ones cost 3 % in archive size, 8 MiB ones gain 0.5 % and double the buffers. */
export const FRAME_BYTES = 4 * 2 ** 20;

/** The two zero blocks that end a tar. They follow the last item, in the archive's tail. */
export const TRAILER_BYTES = 2 * BLOCK_BYTES;

/** S3's 10,000 part numbers, less the last one, which the tail has. */
export const MAX_ITEMS = 9_999;

/** What S3 demands of every part but the last. An item that compresses to less is a runt. */
export const PART_MIN_BYTES = 5 * 2 ** 20;

/** What S3 takes as one part. */
export const PART_MAX_BYTES = 5 * 2 ** 30;

interface Span {
  firstItem: number;
  items: number;
  itemBytes: number;
  start: number;
  end: number;
}

const SPANS = spansOf(STEPS);

function spansOf(steps: typeof STEPS): Span[] {
  let firstItem = 0;
  let start = 0;
  return steps.map(({ items, frames }) => {
    const itemBytes = frames * FRAME_BYTES;
    const span = { firstItem, items, itemBytes, start, end: start + items * itemBytes };
    firstItem += items;
    start = span.end;
    return span;
  });
}

/** The longest tape, without its trailer, that the part numbers can hold: 45,237,560,934,400 bytes. */
export const MAX_TAPE_BYTES = SPANS.at(-1)!.end;

/**
 * The tape offsets that an item covers, `end` exclusive, both multiples of FRAME_BYTES. A tape that ends
 * earlier cuts its last item short. Throws TAPE_TOO_LONG beyond the last item.
 */
export function itemRange(item: number): { start: number; end: number } {
  const span = SPANS.find(({ firstItem, items }) => item < firstItem + items);
  if (item < 0 || !span) throw tooLong(`There is no item ${item}: an archive has ${MAX_ITEMS} at most.`);
  const start = span.start + (item - span.firstItem) * span.itemBytes;
  return { start, end: start + span.itemBytes };
}

/** The item that a tape offset falls into. Throws TAPE_TOO_LONG at MAX_TAPE_BYTES and beyond. */
export function itemAt(tapeOffset: number): number {
  const span = SPANS.find(({ end }) => tapeOffset < end);
  if (tapeOffset < 0 || !span) throw tooLong(`No item holds tape offset ${tapeOffset}.`);
  return span.firstItem + Math.floor((tapeOffset - span.start) / span.itemBytes);
}

/** `size` bytes rounded up to whole blocks. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

const tooLong = (message: string) => new TapeError('TAPE_TOO_LONG', message);
