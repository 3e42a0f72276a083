import { itemAt, itemRange } from '@longshore/tape';
import type { Piece } from './transfer-protocol.ts';

/** Cuts a range of the archive (`end` exclusive) at the items' bounds; what's behind the tape is its trailer. */
export function piecesOf(
  range: { start: number; end: number },
  tapeBytes: number,
): { pieces: Piece[]; trailer: number } {
  const pieces: Piece[] = [];
  const end = Math.min(range.end, tapeBytes);
  for (let start = range.start; start < end; start = pieces.at(-1)?.end ?? end) {
    const item = itemAt(start);
    pieces.push({ item, start, end: Math.min(end, itemRange(item).end) });
  }
  return { pieces, trailer: range.end - Math.max(range.start, end) };
}
