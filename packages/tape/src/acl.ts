/** Version and entry layout of a POSIX ACL's xattr: Linux's `include/uapi/linux/posix_acl_xattr.h`. */
const VERSION = 2;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;

/** Tags by their number (`include/uapi/linux/posix_acl.h`): their word in the text form, and if an id follows. */
const TAGS: ReadonlyMap<number, { word: string; named: boolean }> = new Map([
  [0x01, { word: 'user', named: false }],
  [0x02, { word: 'user', named: true }],
  [0x04, { word: 'group', named: false }],
  [0x08, { word: 'group', named: true }],
  [0x10, { word: 'mask', named: false }],
  [0x20, { word: 'other', named: false }],
]);

/**
 * The text form of an ACL that the kernel gave as `system.posix_acl_access` or `…_default`, as
 * `SCHILY.acl.access` and `.default` hold it: `user::rw-,user:1000:r--,group::r--,mask::r--,other::---`,
 * ids as numbers, the kernel's order. Undefined for bytes that aren't a version 2 ACL.
 */
export function aclText(value: Buffer): string | undefined {
  const entries = (value.length - HEADER_BYTES) / ENTRY_BYTES;
  if (entries < 1 || !Number.isInteger(entries) || value.readUInt32LE(0) !== VERSION) return undefined;
  const texts = Array.from({ length: entries }, (_, n) => entryText(value, HEADER_BYTES + n * ENTRY_BYTES));
  return texts.includes(undefined) ? undefined : texts.join(',');
}

function entryText(value: Buffer, at: number): string | undefined {
  const tag = TAGS.get(value.readUInt16LE(at));
  const permissions = value.readUInt16LE(at + 2);
  if (!tag || permissions > 7) return undefined;
  const id = tag.named ? value.readUInt32LE(at + 4) : '';
  return `${tag.word}:${id}:${permissionText(permissions)}`;
}

function permissionText(bits: number): string {
  return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
}
