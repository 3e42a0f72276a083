import type { Entry } from '../src/entry.ts';
import { encodeHeader } from '../src/header.ts';
import { padded, TRAILER_BYTES } from '../src/layout.ts';

const PLAIN: Entry = {
  path: Buffer.from('plain'),
  type: 'file',
  mode: 0o644,
  uid: 1000,
  gid: 1000,
  mtime: 1_700_000_000,
  mtimeNsec: 0,
  size: 0,
  xattrs: [],
  inode: 1n,
  links: 1,
  ctime: 0,
  ctimeNsec: 0,
};

/** An entry that is plain but for what is given. */
export function entry(path: string | Buffer, rest: Partial<Entry> = {}): Entry {
  return { ...PLAIN, path: Buffer.from(path), ...rest };
}

export function directory(path: string | Buffer, rest: Partial<Entry> = {}): Entry {
  return entry(path, { type: 'directory', mode: 0o755, ...rest });
}

export function xattr(name: string | Buffer, value: string | Buffer) {
  return { name: Buffer.from(name), value: Buffer.from(value) };
}

/** An ACL as the kernel gives it: version 2, then tag, permissions and id of each entry. */
export function kernelAcl(...entries: [tag: number, permissions: number, id?: number][]): Buffer {
  const acl = Buffer.alloc(4 + entries.length * 8);
  acl.writeUInt32LE(2, 0);
  for (const [n, [tag, permissions, id = 0xffffffff]] of entries.entries()) {
    acl.writeUInt16LE(tag, 4 + n * 8);
    acl.writeUInt16LE(permissions, 6 + n * 8);
    acl.writeUInt32LE(id, 8 + n * 8);
  }
  return acl;
}

export const ACL = kernelAcl([0x01, 6], [0x02, 4, 1234], [0x04, 4], [0x08, 5, 77], [0x10, 5], [0x20, 0]);
export const ACL_TEXT = 'user::rw-,user:1234:r--,group::r--,group:77:r-x,mask::r-x,other::---';

const LATIN1 = Buffer.from([0xe4, 0xf6, 0xfc]);
const long = (letter: string, times: number) => letter.repeat(times);

/** Names of every kind that fits ustar, and of every kind that doesn't. */
export const NAMES: Entry[] = [
  directory(''),
  entry('plain'),
  entry('ünïcode ✓'),
  entry(LATIN1),
  entry('with\nnewline and \\ and %'),
  entry(long('a', 98)),
  entry(long('b', 99)),
  directory(long('c', 97)),
  directory(long('d', 98)),
  entry(`${long('e', 60)}/${long('f', 60)}`),
  directory(`${long('e', 60)}/${long('g', 60)}`),
  entry(`${long('h', 153)}/${long('i', 100)}`),
  entry(`${long('j', 154)}/${long('k', 100)}`),
  entry(`deep/${Array(30).fill('twenty-byte-component').join('/')}`),
  entry(Buffer.concat([Buffer.from(`${long('l', 120)}-`), Buffer.from('✓ in pax')])),
];

/** Values that don't fit, beside the last that does. */
export const NUMBERS: Entry[] = [
  entry('uid-2097151', { uid: 2_097_151, gid: 2_097_151 }),
  entry('uid-2097152', { uid: 2_097_152, gid: 2_097_152 }),
  entry('uid-openshift', { uid: 1_000_660_000, gid: 4_294_967_294 }),
  entry('mode', { mode: 0o7777 }),
  entry('mtime-0', { mtime: 0 }),
  entry('mtime-2040', { mtime: 2_208_988_800 }),
  entry('mtime-33-bits', { mtime: 2 ** 33 - 1 }),
  entry('mtime-34-bits', { mtime: 2 ** 33 }),
  entry('mtime-nanoseconds', { mtimeNsec: 123_456_789 }),
  entry('mtime-short-fraction', { mtimeNsec: 50_000_000 }),
  entry('mtime-before-epoch', { mtime: -86_400 }),
];

/** libarchive 3.6 reads these towards the future, −1.5 as −0.5; GNU tar reads them right and lists them wrong. */
export const NEGATIVE_FRACTIONS: Entry[] = [
  entry('mtime-negative-fraction', { mtime: -2, mtimeNsec: 500_000_000 }),
  entry('mtime-less-than-a-second', { mtime: -1, mtimeNsec: 999_999_999 }),
];

export const TYPES: Entry[] = [
  entry('types-first', { links: 2 }),
  entry('types-hardlink', { type: 'hardlink', link: Buffer.from('types-first'), links: 2 }),
  entry('types-symlink', { type: 'symlink', mode: 0o777, link: Buffer.from('../elsewhere') }),
  entry('types-symlink-latin1', { type: 'symlink', mode: 0o777, link: LATIN1 }),
  entry('types-symlink-100', { type: 'symlink', mode: 0o777, link: Buffer.from(long('m', 100)) }),
  entry('types-symlink-101', { type: 'symlink', mode: 0o777, link: Buffer.from(long('n', 101)) }),
  entry('types-fifo', { type: 'fifo' }),
  entry('types-character', { type: 'character', deviceMajor: 1, deviceMinor: 3 }),
  entry('types-block', { type: 'block', deviceMajor: 259, deviceMinor: 1_048_575 }),
];

/** GNU tar says that it doesn't know `hdrcharset`, and reads them right all the same. */
export const BINARY: Entry[] = [
  entry(Buffer.concat([LATIN1, Buffer.from(long('o', 120))])),
  entry('binary-link', {
    type: 'symlink',
    mode: 0o777,
    link: Buffer.concat([LATIN1, Buffer.from(long('p', 120))]),
  }),
  entry(Buffer.concat([LATIN1, Buffer.from('-with-pax-mtime')]), { mtimeNsec: 1 }),
];

export const XATTRS: Entry[] = [
  entry('xattr-text', { xattrs: [xattr('user.comment', 'hello')] }),
  entry('xattr-binary', { xattrs: [xattr('user.bytes', Buffer.from([0, 10, 61, 255, 0]))] }),
  entry('xattr-empty', { xattrs: [xattr('user.empty', '')] }),
  entry('xattr-names', {
    xattrs: [xattr('user.100%', '1'), xattr('user.a=b', '2'), xattr('user.c%3Dd', '3')],
  }),
  entry('acl', { mode: 0o650, xattrs: [xattr('system.posix_acl_access', ACL)] }),
  directory('acl-default', {
    xattrs: [
      xattr(
        'system.posix_acl_default',
        kernelAcl([0x01, 7], [0x02, 5, 1234], [0x04, 5], [0x10, 5], [0x20, 0]),
      ),
    ],
  }),
];

/** Files with content follow their headers with that much of it. */
export function tapeOf(entries: readonly Entry[]): Buffer {
  const pieces = entries.flatMap((each) => [encodeHeader(each), Buffer.alloc(padded(each.size))]);
  return Buffer.concat([...pieces, Buffer.alloc(TRAILER_BYTES)]);
}
