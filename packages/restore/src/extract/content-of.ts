import type { IndexRow } from '@longshore/tape';
import type { Span } from '../archive/span.ts';

/** Where a file's content is on the tape. */
export function contentOf({ dataOffset = 0, size }: IndexRow): Span {
  return { start: dataOffset, end: dataOffset + size };
}
