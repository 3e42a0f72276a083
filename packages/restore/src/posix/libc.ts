import koffi from 'koffi';

/**
 * The C library's functions that make things, all relative to a directory's descriptor. As in @longshore/tape:
 * pointers are Buffers, paths end with a NUL, and `result` makes the reason of an answer below 0.
 */
const libc = koffi.load(null);

type Bytes = Uint8Array;

// Its last argument is variadic, and travels as any other on x64 and arm64 Linux.
export const openat: (directory: number, path: Bytes, flags: number, mode: number) => number = libc.func(
  'int openat(int, const void *, int, unsigned int)',
);

export const mkdirat: (directory: number, path: Bytes, mode: number) => number = libc.func(
  'int mkdirat(int, const void *, unsigned int)',
);

export const symlinkat: (target: Bytes, directory: number, path: Bytes) => number = libc.func(
  'int symlinkat(const void *, int, const void *)',
);

export const linkat: (
  from: number,
  fromPath: Bytes,
  directory: number,
  path: Bytes,
  flags: number,
) => number = libc.func('int linkat(int, const void *, int, const void *, int)');

export const mknodat: (directory: number, path: Bytes, mode: number, device: bigint) => number = libc.func(
  'int mknodat(int, const void *, unsigned int, uint64_t)',
);

export const fchownat: (directory: number, path: Bytes, uid: number, gid: number, flags: number) => number =
  libc.func('int fchownat(int, const void *, unsigned int, unsigned int, int)');

export const utimensat: (directory: number, path: Bytes, times: Bytes, flags: number) => number = libc.func(
  'int utimensat(int, const void *, const void *, int)',
);

export const fchmod: (fd: number, mode: number) => number = libc.func('int fchmod(int, unsigned int)');

export const chmod: (path: Bytes, mode: number) => number = libc.func(
  'int chmod(const void *, unsigned int)',
);

export const setxattr: (path: Bytes, name: Bytes, value: Bytes, size: number, flags: number) => number =
  libc.func('int setxattr(const void *, const void *, const void *, size_t, int)');

export const removexattr: (path: Bytes, name: Bytes) => number = libc.func(
  'int removexattr(const void *, const void *)',
);
