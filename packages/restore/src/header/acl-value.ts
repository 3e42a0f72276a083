/** The layout of a POSIX ACL's xattr: Linux's `include/uapi/linux/posix_acl_xattr.h`. */
const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;
/** The id of an entry that has none (ACL_UNDEFINED_ID). */
const NO_ID = 0xffffffff;

/** Tags by word (`include/uapi/linux/posix_acl.h`): of an entry without an id, and of one with an id. */
const TAGS: ReadonlyMap<string, { plain: number; named?: number }> = new Map([
  ['user', { plain: 0x01, named: 0x02 }],
  ['group', { plain: 0x04, named: 0x08 }],
  ['mask', { plain: 0x10 }],
  ['other', { plain: 0x20 }],
]);

const ENTRY = /^(?<word>user|group|mask|other):(?<id>\d*):(?<r>[r-])(?<w>[w-])(?<x>[x-])$/;

/** The kernel's form of an ACL in text (docs/archive-format.md); undefined for a text that is none. */
export function aclValue(text: string): Buffer | undefined {
  const entries = text.split(',');
  const value = Buffer.alloc(HEADER_BYTES + entries.length * ENTRY_BYTES);
  value.writeUInt32LE(VERSION, 0);
  const written = entries.every((entry, n) => writeEntry(value, HEADER_BYTES + n * ENTRY_BYTES, entry));
  return written ? value : undefined;
}

function writeEntry(value: Buffer, at: number, entry: string): boolean {
  const { word = '', id = '', r, w, x } = ENTRY.exec(entry)?.groups ?? {};
  const tags = TAGS.get(word);
  const tag = id === '' ? tags?.plain : tags?.named;
  if (tag === undefined || Number(id) > NO_ID) return false;
  value.writeUInt16LE(tag, at);
  value.writeUInt16LE((r === 'r' ? 4 : 0) | (w === 'w' ? 2 : 0) | (x === 'x' ? 1 : 0), at + 2);
  value.writeUInt32LE(id === '' ? NO_ID : Number(id), at + 4);
  return true;
}
