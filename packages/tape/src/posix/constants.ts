import { constants as fs } from 'node:fs';

/**
 * Numbers that the kernel's interface fixes. Whatever Node knows comes from Node, because some values
 * differ between architectures: x86's O_NOFOLLOW on arm64 silently follows symbolic links. What is written
 * out here is the same on x64 and arm64; `test/posix-constants.test.ts` compares each with the headers.
 */

/** asm-generic/fcntl.h; neither x86 nor arm64 overrides these two. */
export const O_PATH = 0o10000000;
export const O_CLOEXEC = 0o2000000;

/** How directories on the way to something are opened: for their identity only, without reading them. */
export const OPEN_HOP = O_PATH | fs.O_DIRECTORY | fs.O_NOFOLLOW | O_CLOEXEC;
export const OPEN_DIRECTORY = fs.O_RDONLY | fs.O_DIRECTORY | fs.O_NOFOLLOW | O_CLOEXEC;
/** For a look at what a name stands for, whatever that is: nothing is opened, and no FIFO's writer wakes up. */
export const OPEN_LOOK = O_PATH | fs.O_NOFOLLOW | O_CLOEXEC;
/** Not waiting for a FIFO's writer, and not acquiring a terminal: should the file be one by now. */
export const OPEN_FILE = fs.O_RDONLY | fs.O_NOFOLLOW | fs.O_NONBLOCK | fs.O_NOCTTY | O_CLOEXEC;
/** The operator's own path to the volume may lead through symbolic links. */
export const OPEN_ROOT = fs.O_RDONLY | fs.O_DIRECTORY | O_CLOEXEC;

/** Syscalls newer than Linux 5.1 have one number on every architecture but alpha (asm-generic/unistd.h). */
export const SYSCALL = { openat2: 437, getxattrat: 464, listxattrat: 465 } as const;

/** linux/fcntl.h */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
/** Ask a network file system's server, not the cache. */
export const AT_STATX_FORCE_SYNC = 0x2000;

/** linux/openat2.h */
export const RESOLVE = { noXdev: 0x01, noMagiclinks: 0x02, noSymlinks: 0x04, beneath: 0x08 } as const;

/** linux/stat.h */
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_MNT_ID = 0x1000;

/** unistd.h, with _GNU_SOURCE */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** linux/limits.h: a path in one system call, its NUL included; a name; an xattr's value; a list of xattr names. */
export const PATH_MAX = 4096;
export const NAME_MAX = 255;
export const XATTR_SIZE_MAX = 65536;
export const XATTR_LIST_MAX = 65536;

/** struct statx of linux/stat.h: bytes, and where its fields start. Made to be the same on every architecture. */
export const STATX_BYTES = 256;
export const STATX = {
  mask: 0,
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  size: 40,
  blocks: 48,
  ctime: 96,
  mtime: 112,
  rdevMajor: 128,
  rdevMinor: 132,
  devMajor: 136,
  devMinor: 140,
  mountId: 144,
} as const;
/** struct statx_timestamp: 64-bit signed seconds, then 32-bit nanoseconds. */
export const STATX_NSEC = 8;

/** struct linux_dirent64 of getdents64(2). */
export const DIRENT = { length: 16, type: 18, name: 19 } as const;

/** struct open_how of linux/openat2.h: three 64-bit numbers: flags, mode, resolve. */
export const OPEN_HOW = { bytes: 24, flags: 0, resolve: 16 } as const;

/** struct xattr_args of linux/xattr.h (6.13): 64-bit address, 32-bit size, 32-bit flags. */
export const XATTR_ARGS = { bytes: 16, value: 0, size: 8 } as const;

/** asm-generic/errno.h: a file encrypted by fscrypt whose key isn't there. Node's table lacks it. */
export const ENOKEY = 126;
