/** Bytes from `start` to `end`, exclusive. */
export interface Span {
  start: number;
  end: number;
}

/** The part of `inner` that is in `outer`. */
export function overlap(inner: Span, outer: Span): Span | undefined {
  const start = Math.max(inner.start, outer.start);
  const end = Math.min(inner.end, outer.end);
  return start < end ? { start, end } : undefined;
}
