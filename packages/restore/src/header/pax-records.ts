/** A record of a pax header; the keyword is latin1, so that a character is a byte. */
export interface PaxRecord {
  keyword: string;
  value: Buffer;
}

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
/** Digits of a record's length: below 2^53. */
const MAX_DIGITS = 15;

/** Reads `LENGTH KEYWORD=VALUE\n` records (POSIX.1-2001, "pax Extended Header"); undefined where they aren't such. */
export function readPaxRecords(data: Buffer): PaxRecord[] | undefined {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length; ) {
    const end = at + lengthAt(data, at);
    const record = end > at && end <= data.length ? recordIn(data.subarray(at, end)) : undefined;
    if (!record) return undefined;
    records.push(record);
    at = end;
  }
  return records;
}

/** 0 where no length is. */
function lengthAt(data: Buffer, at: number): number {
  const digits = data.subarray(at, at + MAX_DIGITS + 1).indexOf(SPACE);
  const text = digits < 1 ? '' : data.toString('latin1', at, at + digits);
  return /^[1-9]\d*$/.test(text) ? Number(text) : 0;
}

function recordIn(data: Buffer): PaxRecord | undefined {
  const start = data.indexOf(SPACE) + 1;
  const equals = data.indexOf(EQUALS, start);
  if (equals <= start || data.at(-1) !== NEWLINE) return undefined;
  return { keyword: data.toString('latin1', start, equals), value: data.subarray(equals + 1, -1) };
}
