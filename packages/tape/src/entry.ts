import type { EntryType } from '@longshore/shared';

/** One extended attribute: raw bytes, as the kernel gives them. */
export interface Xattr {
  name: Buffer;
  value: Buffer;
}

/**
 * One thing on the tape: everything that its tar header says, and what a packer needs to tell whether it
 * still is what was planned. Names are bytes; times are whole seconds since the epoch (negative before it)
 * and nanoseconds (0 to 999,999,999) towards the future, as `statx` gives them.
 */
export interface Entry {
  /** Relative to the volume's root, components joined by `/`, no leading `./`; empty for the root itself. */
  path: Buffer;
  type: EntryType;
  /** Permission bits, setuid, setgid and sticky: `st_mode & 0o7777`. */
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNsec: number;
  /** Content bytes on the tape; 0 for everything but `file`. */
  size: number;
  /** A symlink's target, or a hard link's first name (relative to the root, like `path`). */
  link?: Buffer;
  /** Device numbers of `character` and `block`. */
  deviceMajor?: number;
  deviceMinor?: number;
  /** Sorted bytewise by name; POSIX ACLs are still in the kernel's binary form here. */
  xattrs: Xattr[];
  inode: bigint;
  /** `st_nlink`. */
  links: number;
  ctime: number;
  ctimeNsec: number;
}
