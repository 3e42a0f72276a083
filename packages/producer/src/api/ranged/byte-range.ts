export interface ByteRange {
  start: number;
  /** Exclusive. */
  end: number;
}

const ONE_RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i;

/**
 * The bytes that a Range header asks for (RFC 9110, section 14.1.2), of `bytes` in all. Undefined where the header
 * is to be ignored: another unit, nonsense, or several ranges, which nobody needs who resumes or reads in parallel.
 * (range-parser, express's own, takes a suffix longer than the object for unsatisfiable.)
 */
export function byteRange(header: string, bytes: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = ONE_RANGE.exec(header) ?? [];
  if (first === undefined || (first === '' && last === '')) return undefined;
  if (first === '') return satisfiable({ start: Math.max(0, bytes - Number(last)), end: bytes });
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return satisfiable({ start: Number(first), end: last === '' ? bytes : Math.min(bytes, Number(last) + 1) });
}

function satisfiable(range: ByteRange): ByteRange | 'unsatisfiable' {
  return range.start < range.end ? range : 'unsatisfiable';
}
