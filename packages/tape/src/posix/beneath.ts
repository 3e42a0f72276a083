import { readFileSync } from 'node:fs';
import { TapeError } from '../error.ts';
import { cString, HERE } from './c-string.ts';
import { OPEN_HOP, OPEN_HOW, PATH_MAX, RESOLVE, SYSCALL } from './constants.ts';
import { errno } from './errno.ts';
import { closeDescriptor, openat, openat2, result } from './libc.ts';
import { lastMountId, statAt, statDescriptor, UNKNOWN_MOUNT } from './stat.ts';

/**
 * A directory that nothing may be opened outside of, though the owner of what's below it can swap a
 * directory for a symbolic link, or mount something, at any moment.
 */
export interface Root {
  fd: number;
  mountId: number;
  /** Whether the kernel resolves paths for us (`openat2`, Linux 5.6), or each component is opened on its own. */
  openat2: boolean;
}

const SLASH = 0x2f;

const how = Buffer.alloc(OPEN_HOW.bytes);
how.writeUInt32LE(
  RESOLVE.beneath | RESOLVE.noSymlinks | RESOLVE.noMagiclinks | RESOLVE.noXdev,
  OPEN_HOW.resolve,
);

/**
 * Opens `path` (relative to the root, no NUL; `.` for the root itself) and answers its descriptor or the errno
 * negated: ELOOP for a symbolic link anywhere in it (ENOTDIR in some places), EXDEV for a mount point.
 */
export function openBeneath(root: Root, path: Uint8Array, flags: number): number {
  if (root.openat2 && path.length < PATH_MAX) return openWhole(root.fd, path, flags);
  return inLastDirectory(root, path, (directory, rest) => openPiece(root, { directory, rest, flags }));
}

/**
 * `statAt` for a path below the root. An intermediate symbolic link may be followed here, so the answer is good
 * for telling what not to open, and for nothing else.
 */
export function statBeneath(root: Root, path: Uint8Array): number {
  if (root.openat2 && path.length < PATH_MAX) return statAt(root.fd, cString(path));
  return inLastDirectory(root, path, (directory, rest) => statAt(directory, cString(rest)));
}

/** Whether `openat2` is there and allowed. Some container runtimes' seccomp profiles answer EPERM for it. */
export function probeOpenat2(directory: number): boolean {
  const fd = openWhole(directory, HERE.subarray(0, 1), OPEN_HOP);
  if (fd < 0) return false;
  closeDescriptor(fd);
  return true;
}

/** The mount that a descriptor is on, from `statx` or, before Linux 5.8, from /proc (proc_pid_fdinfo(5)). */
export function mountIdOf(fd: number): number {
  const id = statDescriptor(fd) < 0 ? UNKNOWN_MOUNT : lastMountId();
  if (id !== UNKNOWN_MOUNT) return id;
  const line = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  if (line === null) throw new TapeError('IO', '/proc/self/fdinfo names no mnt_id: /proc must be mounted');
  return Number(line[1]);
}

function openWhole(directory: number, path: Uint8Array, flags: number): number {
  const text = cString(path);
  for (;;) {
    how.writeUInt32LE(flags, OPEN_HOW.flags);
    const fd = result(openat2(SYSCALL.openat2, directory, text, how, OPEN_HOW.bytes));
    if (fd !== -errno.EINTR) return fd;
  }
}

interface Piece {
  directory: number;
  rest: Uint8Array;
  flags: number;
}

function openPiece(root: Root, { directory, rest, flags }: Piece): number {
  return root.openat2 ? openWhole(directory, rest, flags) : openComponent(root, { directory, rest, flags });
}

/** What `openat2` does for one component: no symbolic link (the flags say O_NOFOLLOW), no mount, no way up. */
function openComponent(root: Root, { directory, rest, flags }: Piece): number {
  if (rest.length === 0 || isParent(rest)) return -errno.EXDEV;
  const fd = result(openat(directory, cString(rest), flags));
  if (fd < 0 || mountIdOf(fd) === root.mountId) return fd;
  closeDescriptor(fd);
  return -errno.EXDEV;
}

function isParent(name: Uint8Array): boolean {
  return name.length === 2 && name[0] === 0x2e && name[1] === 0x2e;
}

/** Goes down to where what's left of `path` can be looked up at once, each hop beneath the one before. */
function inLastDirectory(
  root: Root,
  path: Uint8Array,
  use: (directory: number, rest: Uint8Array) => number,
): number {
  let directory = root.fd;
  let start = 0;
  try {
    for (;;) {
      const end = root.openat2 ? endOfPiece(path, start) : endOfComponent(path, start);
      const rest = path.subarray(start, end);
      if (end === path.length) return use(directory, rest);
      const next = openPiece(root, { directory, rest, flags: OPEN_HOP });
      if (next < 0) return next;
      if (directory !== root.fd) closeDescriptor(directory);
      directory = next;
      start = end + 1;
    }
  } finally {
    if (directory !== root.fd) closeDescriptor(directory);
  }
}

/** As many components as fit a system call; all that's left if not even one does. */
function endOfPiece(path: Uint8Array, start: number): number {
  if (path.length - start < PATH_MAX) return path.length;
  const slash = path.lastIndexOf(SLASH, start + PATH_MAX - 1);
  return slash > start ? slash : path.length;
}

function endOfComponent(path: Uint8Array, start: number): number {
  const slash = path.indexOf(SLASH, start);
  return slash < 0 ? path.length : slash;
}
