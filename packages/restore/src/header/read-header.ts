import { BLOCK_BYTES, padded, TYPE_FLAGS, USTAR, type Xattr } from '@longshore/tape';
import { aclValue } from './acl-value.ts';
import { type PaxRecord, readPaxRecords } from './pax-records.ts';
import { isHeader, numberIn } from './ustar-block.ts';

/** What an entry's header says that the index doesn't. */
export interface HeaderAttributes {
  /** POSIX ACLs in the kernel's form among them. */
  xattrs: Xattr[];
  deviceMajor: number;
  deviceMinor: number;
}

const XATTR = 'SCHILY.xattr.';
const ACLS: ReadonlyMap<string, string> = new Map([
  ['SCHILY.acl.access', 'system.posix_acl_access'],
  ['SCHILY.acl.default', 'system.posix_acl_default'],
]);

/**
 * Reads an entry's header as it stands on the tape: a ustar header, and where one is needed the pax header before
 * it. Undefined where these bytes are anything else.
 */
export function readHeader(header: Buffer): HeaderAttributes | undefined {
  const first = header.subarray(0, BLOCK_BYTES);
  if (!isHeader(first)) return undefined;
  if (String.fromCharCode(first[USTAR.type.at]) !== TYPE_FLAGS.pax) return attributesOf(header, []);
  const bytes = numberIn(first, USTAR.size) ?? 0;
  const end = BLOCK_BYTES + padded(bytes);
  const records = readPaxRecords(header.subarray(BLOCK_BYTES, BLOCK_BYTES + bytes));
  return records && attributesOf(header.subarray(end), records);
}

function attributesOf(block: Buffer, records: readonly PaxRecord[]): HeaderAttributes | undefined {
  const deviceMajor = numberIn(block, USTAR.major);
  const deviceMinor = numberIn(block, USTAR.minor);
  if (!isHeader(block) || deviceMajor === undefined || deviceMinor === undefined) return undefined;
  const xattrs = records.map(xattrOf).filter((xattr) => xattr !== undefined);
  return { xattrs, deviceMajor, deviceMinor };
}

function xattrOf({ keyword, value }: PaxRecord): Xattr | undefined {
  if (keyword.startsWith(XATTR)) return { name: xattrName(keyword.slice(XATTR.length)), value };
  const name = ACLS.get(keyword);
  const acl = name && aclValue(value.toString('latin1'));
  return acl ? { name: Buffer.from(name), value: acl } : undefined;
}

/** `=` is `%3D`, and `%` is `%25` where it would read as one of the two. */
function xattrName(keyword: string): Buffer {
  const name = keyword.replaceAll(/%(3D|25)/g, (_, code) => (code === '3D' ? '=' : '%'));
  return Buffer.from(name, 'latin1');
}
