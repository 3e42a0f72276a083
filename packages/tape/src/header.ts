import type { Entry } from './entry.ts';
import { BLOCK_BYTES, padded } from './layout.ts';
import { paxBytes, paxRecords, writePax } from './pax.ts';
import { paxBlock, ustarBlock } from './ustar.ts';

/**
 * What stands before an entry's content on the tape: a ustar header, and in front of it, where that can't say
 * everything, a pax extended header with its records (POSIX.1-2001, pax interchange format). A multiple of
 * 512 bytes, a function of the entry alone. Throws UNSUPPORTED_ENTRY for a link without a target.
 */
export function encodeHeader(entry: Entry): Buffer {
  const records = paxRecords(entry);
  if (records.length === 0) return Buffer.from(ustarBlock(entry));
  const bytes = paxBytes(records);
  const header = Buffer.allocUnsafe(2 * BLOCK_BYTES + padded(bytes));
  const entryAt = header.length - BLOCK_BYTES;
  header.set(paxBlock(bytes));
  header.fill(0, writePax(header, BLOCK_BYTES, records), entryAt);
  header.set(ustarBlock(entry), entryAt);
  return header;
}

/** The length of `encodeHeader(entry)`, without making it. */
export function headerBytes(entry: Entry): number {
  const records = paxRecords(entry);
  return records.length === 0 ? BLOCK_BYTES : 2 * BLOCK_BYTES + padded(paxBytes(records));
}

/** What an entry takes on the tape: header, content, and zeros up to a whole block. */
export function entryBytes(entry: Entry): number {
  return headerBytes(entry) + padded(entry.size);
}
