import type { ExportLinks } from '@longshore/shared';
import type { ByteRange } from './open-range.ts';

/** What is fetched, checked and noted as one. */
export interface Segment extends ByteRange {
  /** Of its bytes; undefined where nobody knows it. */
  crc32: number | undefined;
}

/** Of archives whose segments aren't known: so much is fetched again at most after a kill. */
const PIECE = 64 * 2 ** 20;

/** The archive's segments, or where there are none pieces of it that can't be checked. */
export function segmentsOf({ segments, bytes }: ExportLinks): Segment[] {
  if (segments.length > 0)
    return segments.map(({ start, end, crc32 }) => ({ start, end, crc32: Number.parseInt(crc32, 16) }));
  return Array.from({ length: Math.ceil(bytes / PIECE) }, (_, piece) => ({
    start: piece * PIECE,
    end: Math.min(bytes, (piece + 1) * PIECE),
    crc32: undefined,
  }));
}
