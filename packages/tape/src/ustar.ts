import type { EntryType } from '@longshore/shared';
import type { Entry } from './entry.ts';
import { TapeError } from './error.ts';
import { BLOCK_BYTES } from './layout.ts';

/** A field of the header: where it starts, and its size in bytes. */
export interface Field {
  at: number;
  bytes: number;
}

/** POSIX.1-2001, "ustar Interchange Format". `uname` and `gname` (265, 297) stay empty: owners are numbers. */
export const USTAR = {
  name: { at: 0, bytes: 100 },
  mode: { at: 100, bytes: 8 },
  uid: { at: 108, bytes: 8 },
  gid: { at: 116, bytes: 8 },
  size: { at: 124, bytes: 12 },
  mtime: { at: 136, bytes: 12 },
  checksum: { at: 148, bytes: 8 },
  type: { at: 156, bytes: 1 },
  link: { at: 157, bytes: 100 },
  magic: { at: 257, bytes: 8 },
  major: { at: 329, bytes: 8 },
  minor: { at: 337, bytes: 8 },
  prefix: { at: 345, bytes: 155 },
} as const satisfies Record<string, Field>;

/** `typeflag` by entry type; `x` is a pax extended header for the next entry. */
export const TYPE_FLAGS: Readonly<Record<EntryType | 'pax', string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
  pax: 'x',
};

/** Six digits, a NUL, and a space stays behind them: as every tar since the seventh edition has it. */
const CHECKSUM_DIGITS: Field = { at: USTAR.checksum.at, bytes: 7 };

const SLASH = 0x2f;
const DOT_SLASH = Buffer.from('./');
const NO_LINK = Buffer.alloc(0);
const LINKS: ReadonlySet<EntryType> = new Set(['symlink', 'hardlink']);

/** Whether a number can stand in the field as octal digits and a NUL, which every reader understands. */
export function fitsOctal(value: number, { bytes }: Field): boolean {
  return value >= 0 && value < 8 ** (bytes - 1);
}

/** Bytes of the entry's name as the archive has it. */
export function nameBytes({ path, type }: Entry): number {
  const slash = type === 'directory' && path.length > 0 ? 1 : 0;
  return DOT_SLASH.length + path.length + slash;
}

/** `./a/b`; a directory ends with a slash; the root is `./`. */
function archiveName(entry: Entry): Buffer {
  const name = Buffer.alloc(nameBytes(entry), SLASH);
  DOT_SLASH.copy(name);
  entry.path.copy(name, DOT_SLASH.length);
  return name;
}

/**
 * A name cut to ustar's fields, to be joined with a slash where there is a prefix. Without `rest` it doesn't
 * fit them: one of its components is too long, or the whole is.
 */
interface SplitName {
  full: Buffer;
  prefix?: Buffer;
  rest?: Buffer;
}

/** Cuts at the first slash that leaves a rest which fits. */
function splitName(entry: Entry): SplitName {
  const full = archiveName(entry);
  if (full.length <= USTAR.name.bytes) return { full, rest: full };
  const slash = full.indexOf(SLASH, full.length - USTAR.name.bytes - 1);
  if (slash === -1 || slash === full.length - 1 || slash > USTAR.prefix.bytes) return { full };
  return { full, prefix: full.subarray(0, slash), rest: full.subarray(slash + 1) };
}

/** The entry's whole name, if ustar's fields can't hold it. */
export function unfitName(entry: Entry): Buffer | undefined {
  if (nameBytes(entry) <= USTAR.name.bytes) return undefined;
  const { rest, full } = splitName(entry);
  return rest ? undefined : full;
}

/** What a symlink points to, as it is; a hard link's first name, as that entry is named; else nothing. */
export function linkName({ type, path, link }: Entry): Buffer {
  if (!LINKS.has(type)) return NO_LINK;
  if (!link) throw new TapeError('UNSUPPORTED_ENTRY', `The ${type} ${path} has no target.`);
  return type === 'hardlink' ? Buffer.concat([DOT_SLASH, link]) : link;
}

// One block for all headers: they are written one after the other, and building them in place, with the
// checksum over 32-bit words, is what makes a million a second possible.
const block = Buffer.alloc(BLOCK_BYTES);
const words = new Uint32Array(block.buffer, block.byteOffset, BLOCK_BYTES / 4);

/** A header on which only name, numbers and type are missing. The checksum counts its own field as spaces. */
const BLANK = Buffer.alloc(BLOCK_BYTES);
BLANK.fill(' ', USTAR.checksum.at, USTAR.checksum.at + USTAR.checksum.bytes);
BLANK.write('ustar\x0000', USTAR.magic.at, 'latin1');

/**
 * The 512-byte header of an entry, valid until the next call. What doesn't fit: numbers are base-256 (readers
 * without pax, BusyBox among them, know that), a name or link is cut to the field.
 */
export function ustarBlock(entry: Entry): Buffer {
  block.set(BLANK);
  writeName(entry);
  const link = linkName(entry);
  if (link.length > 0) writeBytes(USTAR.link, link);
  writeNumber(USTAR.mode, entry.mode);
  writeNumber(USTAR.uid, entry.uid);
  writeNumber(USTAR.gid, entry.gid);
  writeNumber(USTAR.size, entry.size);
  writeNumber(USTAR.mtime, entry.mtime);
  writeNumber(USTAR.major, entry.deviceMajor ?? 0);
  writeNumber(USTAR.minor, entry.deviceMinor ?? 0);
  block[USTAR.type.at] = TYPE_FLAGS[entry.type].charCodeAt(0);
  return withChecksum();
}

/** The header in front of `bytes` bytes of pax records: the same for all entries but for its size. */
export function paxBlock(bytes: number): Buffer {
  block.set(BLANK);
  block.write('./PaxHeaders/entry', USTAR.name.at, 'latin1');
  writeNumber(USTAR.mode, 0o644);
  for (const field of [USTAR.uid, USTAR.gid, USTAR.mtime, USTAR.major, USTAR.minor]) writeNumber(field, 0);
  writeNumber(USTAR.size, bytes);
  block[USTAR.type.at] = TYPE_FLAGS.pax.charCodeAt(0);
  return withChecksum();
}

function writeName(entry: Entry): void {
  if (nameBytes(entry) <= USTAR.name.bytes) {
    writeShortName(entry);
    return;
  }
  const { full, prefix, rest } = splitName(entry);
  writeBytes(USTAR.name, rest ?? full);
  if (prefix) writeBytes(USTAR.prefix, prefix);
}

function writeShortName({ path, type }: Entry): void {
  block.set(DOT_SLASH);
  block.set(path, DOT_SLASH.length);
  if (type === 'directory' && path.length > 0) block[DOT_SLASH.length + path.length] = SLASH;
}

function writeBytes({ at, bytes }: Field, value: Buffer): void {
  value.copy(block, at, 0, bytes);
}

function writeNumber(field: Field, value: number): void {
  if (fitsOctal(value, field)) writeOctal(field, value);
  else writeBase256(field, value);
}

/** Digits with zeros in front, and the NUL that the blank block has at the end. */
function writeOctal({ at, bytes }: Field, value: number): void {
  let rest = value;
  for (let place = at + bytes - 2; place >= at; place -= 1) {
    const higher = Math.floor(rest / 8);
    block[place] = 0x30 + (rest - higher * 8);
    rest = higher;
  }
}

/** Big-endian two's complement, the first byte 0x80 or, for a negative number, 0xff: as GNU tar and star do. */
function writeBase256({ at, bytes }: Field, value: number): void {
  let rest = BigInt(value);
  for (let place = at + bytes - 1; place > at; place -= 1) {
    block[place] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[at] = value < 0 ? 0xff : 0x80;
}

/** Adds bytes 0 and 2, and bytes 1 and 3, of all words in 16-bit lanes: 128 bytes of 255 fit one. */
function withChecksum(): Buffer {
  let even = 0;
  let odd = 0;
  for (let n = 0; n < words.length; n += 1) {
    const word = words[n];
    even = (even + (word & 0x00ff00ff)) | 0;
    odd = (odd + ((word >>> 8) & 0x00ff00ff)) | 0;
  }
  const sum = (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
  writeOctal(CHECKSUM_DIGITS, sum);
  block[USTAR.checksum.at + CHECKSUM_DIGITS.bytes - 1] = 0;
  return block;
}
