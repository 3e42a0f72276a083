import type { IndexRow, Xattr } from '@longshore/tape';
import { AT_EMPTY_PATH, EMPTY, errno, errnoName, result } from '@longshore/tape/posix';
import { descriptorPath } from '../posix/descriptor-path.ts';
import { chmod, fchmod, fchownat, setxattr, utimensat } from '../posix/libc.ts';

/** Something of an entry that can't be set here: `owner`, `mode`, `mtime`, or an attribute's name; and the errno. */
export interface Unset {
  what: string;
  errno: string;
}

export interface Attributes {
  row: Pick<IndexRow, 'type' | 'mode' | 'uid' | 'gid' | 'mtime' | 'mtimeNsec'>;
  xattrs: readonly Xattr[];
  /** Whether owners are set: only root can. */
  owners: boolean;
}

const ACL_PREFIX = Buffer.from('system.posix_acl_');

/**
 * Gives what an open descriptor (O_PATH will do) stands for its owner, attributes, mode and time, in the order in
 * which none undoes another: a new owner takes setuid and capabilities away, a mode changes an ACL, and a file that
 * this user may only read takes no attributes.
 */
export function setAttributes(fd: number, { row, xattrs, owners }: Attributes): Unset[] {
  const unset: Unset[] = [];
  const note = (what: string, answer: number) => {
    if (answer < 0) unset.push({ what, errno: errnoName(answer) });
  };
  const set = ({ name, value }: Xattr) => note(name.toString('latin1'), setXattr(fd, { name, value }));
  if (owners) note('owner', result(fchownat(fd, EMPTY, row.uid, row.gid, AT_EMPTY_PATH)));
  for (const xattr of xattrs) if (!isAcl(xattr)) set(xattr);
  if (row.type !== 'symlink') note('mode', setMode(fd, row.mode));
  for (const xattr of xattrs) if (isAcl(xattr)) set(xattr);
  note('mtime', result(utimensat(fd, EMPTY, timesOf(row), AT_EMPTY_PATH)));
  return unset;
}

const isAcl = ({ name }: Xattr) => name.subarray(0, ACL_PREFIX.length).equals(ACL_PREFIX);

/** A descriptor that was opened is served at once; one of O_PATH, which takes no `fchmod`, by the way through /proc. */
function setMode(fd: number, mode: number): number {
  const answer = result(fchmod(fd, mode));
  return answer === -errno.EBADF ? result(chmod(descriptorPath(fd), mode)) : answer;
}

function setXattr(fd: number, { name, value }: Xattr): number {
  const path = descriptorPath(fd);
  return result(setxattr(path, Buffer.concat([name, Buffer.alloc(1)]), value, value.length, 0));
}

/** Two `struct timespec` of 64-bit numbers: access, which stays as it is (UTIME_OMIT of linux/stat.h), and change. */
function timesOf({ mtime, mtimeNsec }: Attributes['row']): Buffer {
  const times = Buffer.alloc(32);
  times.writeBigInt64LE((1n << 30n) - 2n, 8);
  times.writeBigInt64LE(BigInt(mtime), 16);
  times.writeBigInt64LE(BigInt(mtimeNsec), 24);
  return times;
}
