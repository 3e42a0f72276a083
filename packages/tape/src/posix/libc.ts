import koffi from 'koffi';

/**
 * The C library's functions that Node doesn't offer. Pointers are Buffers; paths end with a NUL. All of them
 * answer −1 for a failure: `result` makes the reason of it. Descriptors that were opened here must be closed
 * here too: Node warns in a worker thread when `fs.closeSync` meets a descriptor that it didn't open.
 */
const libc = koffi.load(null);

type Bytes = Uint8Array;

export const statx: (directory: number, path: Bytes, flags: number, mask: number, stat: Bytes) => number =
  libc.func('int statx(int, const void *, int, unsigned int, void *)');

export const openat: (directory: number, path: Bytes, flags: number) => number = libc.func(
  'int openat(int, const void *, int)',
);

export const closeDescriptor: (fd: number) => number = libc.func('int close(int)');

export const getdents64: (fd: number, buffer: Bytes, size: number) => number = libc.func(
  'int64_t getdents64(int, void *, size_t)',
);

export const readlinkat: (directory: number, path: Bytes, target: Bytes, size: number) => number = libc.func(
  'int64_t readlinkat(int, const void *, void *, size_t)',
);

export const llistxattr: (path: Bytes, list: Bytes, size: number) => number = libc.func(
  'int64_t llistxattr(const void *, void *, size_t)',
);

export const lgetxattr: (path: Bytes, name: Bytes, value: Bytes, size: number) => number = libc.func(
  'int64_t lgetxattr(const void *, const void *, void *, size_t)',
);

export const lseek: (fd: number, offset: number, whence: number) => number = libc.func(
  'int64_t lseek(int, int64_t, int)',
);

// The calls below have no wrapper in the C library. `syscall` is variadic, but takes its arguments from the
// same registers as any other function on x64 and arm64 Linux.

export const openat2: (nr: number, directory: number, path: Bytes, how: Bytes, size: number) => number =
  libc.func('syscall', 'long', ['long', 'int', 'const void *', 'const void *', 'size_t']);

export const listxattrat: (
  nr: number,
  directory: number,
  path: Bytes,
  flags: number,
  list: Bytes,
  size: number,
) => number = libc.func('syscall', 'long', [
  'long',
  'int',
  'const void *',
  'unsigned int',
  'void *',
  'size_t',
]);

export const getxattrat: (
  nr: number,
  directory: number,
  path: Bytes,
  flags: number,
  name: Bytes,
  args: Bytes,
  size: number,
) => number = libc.func('syscall', 'long', [
  'long',
  'int',
  'const void *',
  'unsigned int',
  'const void *',
  'const void *',
  'size_t',
]);

/**
 * What a call returned, or its errno negated, as the kernel itself answers: a missing file is no exception
 * in a volume that lives. Must be called before the next call into the C library.
 */
export function result(returned: number): number {
  return returned < 0 ? -koffi.errno() : returned;
}

/** Where a buffer's bytes are, for a pointer inside a struct. The caller keeps the buffer alive. */
export function addressOf(buffer: Bytes): bigint {
  return koffi.address(buffer);
}
