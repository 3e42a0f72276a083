import { isUtf8 } from 'node:buffer';
import { aclText } from './acl.ts';
import type { Entry, Xattr } from './entry.ts';
import { fitsOctal, linkName, nameBytes, USTAR, unfitName } from './ustar.ts';

/**
 * One record of a pax extended header (POSIX.1-2001, "pax Extended Header"). Keywords and string values are
 * latin1, so that a character is a byte.
 */
export interface PaxRecord {
  keyword: string;
  value: string | Buffer;
}

const NEWLINE = 0x0a;
const NONE: readonly PaxRecord[] = [];

/** ACL xattrs, and the keyword by which star, GNU tar and libarchive know each. */
const ACL_KEYWORDS: ReadonlyMap<string, string> = new Map([
  ['system.posix_acl_access', 'SCHILY.acl.access'],
  ['system.posix_acl_default', 'SCHILY.acl.default'],
]);

/** What of an entry the ustar header can't say, in the order in which it is written; nothing for a plain one. */
export function paxRecords(entry: Entry): readonly PaxRecord[] {
  if (isPlain(entry)) return NONE;
  const records = nameRecords(entry);
  addNumbers(records, entry);
  if (entry.xattrs.length > 0) addXattrs(records, entry.xattrs);
  return records;
}

function isPlain(entry: Entry): boolean {
  return (
    entry.xattrs.length === 0 &&
    hasPlainTime(entry) &&
    nameBytes(entry) <= USTAR.name.bytes &&
    linkName(entry).length <= USTAR.link.bytes &&
    fitsOctal(entry.size, USTAR.size) &&
    fitsOctal(entry.uid, USTAR.uid) &&
    fitsOctal(entry.gid, USTAR.gid)
  );
}

function hasPlainTime({ mtime, mtimeNsec }: Entry): boolean {
  return mtimeNsec === 0 && fitsOctal(mtime, USTAR.mtime);
}

/** `hdrcharset` stands before the values it is for: readers take the values of a record as they meet them. */
function nameRecords(entry: Entry): PaxRecord[] {
  const records: PaxRecord[] = [];
  const path = unfitName(entry);
  if (path) records.push({ keyword: 'path', value: path });
  const link = linkName(entry);
  if (link.length > USTAR.link.bytes) records.push({ keyword: 'linkpath', value: link });
  const binary = records.some(({ value }) => typeof value !== 'string' && !isUtf8(value));
  return binary ? [{ keyword: 'hdrcharset', value: 'BINARY' }, ...records] : records;
}

function addNumbers(records: PaxRecord[], entry: Entry): void {
  for (const keyword of ['size', 'uid', 'gid'] as const) {
    if (!fitsOctal(entry[keyword], USTAR[keyword])) records.push({ keyword, value: String(entry[keyword]) });
  }
  if (!hasPlainTime(entry)) records.push({ keyword: 'mtime', value: timeText(entry) });
}

/**
 * POSIX's decimal seconds: a time of −2 s and 500,000,000 ns is `-1.5`. No zeros at the fraction's end.
 * (libarchive 3.6 reads a negative fraction towards the future; GNU tar and Python set and read what is meant.)
 */
export function timeText({ mtime, mtimeNsec }: Pick<Entry, 'mtime' | 'mtimeNsec'>): string {
  if (mtimeNsec === 0) return String(mtime);
  if (mtime >= 0) return `${mtime}.${fraction(mtimeNsec)}`;
  return `-${-mtime - 1}.${fraction(1_000_000_000 - mtimeNsec)}`;
}

function fraction(nanoseconds: number): string {
  const digits = String(nanoseconds).padStart(9, '0');
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  return digits.slice(0, end);
}

/** ACLs first, then every other xattr: an ACL in a form that is unknown here is kept as the bytes it is. */
function addXattrs(records: PaxRecord[], xattrs: readonly Xattr[]): void {
  const texts = xattrs.map(aclRecord);
  records.push(...texts.filter((record) => record !== undefined));
  for (const [n, { name, value }] of xattrs.entries()) {
    if (!texts[n]) records.push({ keyword: `SCHILY.xattr.${xattrKeyword(name)}`, value });
  }
}

function aclRecord({ name, value }: Xattr): PaxRecord | undefined {
  const keyword = ACL_KEYWORDS.get(name.toString('latin1'));
  const text = keyword && aclText(value);
  return text ? { keyword, value: text } : undefined;
}

/**
 * An xattr's name as GNU tar writes it: a keyword ends at its first `=`, so that is `%3D`; and `%` is `%25`
 * where it would read back as one of the two. Readers without this rule (libarchive) see other `%` as they are.
 */
function xattrKeyword(name: Buffer): string {
  return name
    .toString('latin1')
    .replace(/%(?=3D|25)/g, '%25')
    .replaceAll('=', '%3D');
}

/** Bytes of the records as written. */
export function paxBytes(records: readonly PaxRecord[]): number {
  let bytes = 0;
  for (const record of records) bytes += recordBytes(record);
  return bytes;
}

/** `LENGTH KEYWORD=VALUE\n`, where LENGTH counts its own digits too. */
function recordBytes({ keyword, value }: PaxRecord): number {
  const body = keyword.length + value.length + 3;
  return body + digits(body + digits(body));
}

function digits(n: number): number {
  let count = 1;
  for (let limit = 10; n >= limit; limit *= 10) count += 1;
  return count;
}

/** Writes the records into `target` from `start` on, and returns where they end. */
export function writePax(target: Buffer, start: number, records: readonly PaxRecord[]): number {
  let at = start;
  for (const record of records) {
    const { keyword, value } = record;
    const head = `${recordBytes(record)} ${keyword}=`;
    if (typeof value === 'string') {
      at += target.write(`${head}${value}\n`, at, 'latin1');
    } else {
      at += target.write(head, at, 'latin1');
      at += value.copy(target, at);
      target[at++] = NEWLINE;
    }
  }
  return at;
}
