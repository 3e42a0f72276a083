import koffi from 'koffi';

/** The two calls that Node has no name for, for other packages too; undefined where the C library lacks them (macOS has no copy_file_range). */
interface Libc {
  /** flock(2) with LOCK_EX and LOCK_NB; the kernel unlocks when the descriptor is closed or the process dies. */
  lock?: (descriptor: number) => 'locked' | 'taken' | 'unsupported';
  /** copy_file_range(2); gives the bytes copied, or -1. */
  copyFileRange?: (from: CopyEnd, to: CopyEnd, bytes: number) => Promise<number>;
}

/** A place in an open file. */
export interface CopyEnd {
  descriptor: number;
  offset: number;
}

/** LOCK_EX | LOCK_NB; the same on every system that has flock. */
const EXCLUSIVE_AT_ONCE = 2 | 4;

export const libc: Libc = { lock: loadLock(), copyFileRange: loadCopyFileRange() };

function loadLock(): Libc['lock'] {
  const flock = find('int flock(int descriptor, int operation)');
  if (!flock) return undefined;
  return (descriptor) => {
    if (flock(descriptor, EXCLUSIVE_AT_ONCE) === 0) return 'locked';
    return koffi.errno() === koffi.os.errno.EWOULDBLOCK ? 'taken' : 'unsupported';
  };
}

function loadCopyFileRange(): Libc['copyFileRange'] {
  const call = find(
    'intptr_t copy_file_range(int from, int64_t *from_offset, int to, int64_t *to_offset, size_t bytes, unsigned int flags)',
  );
  if (!call) return undefined;
  return (from, to, bytes) =>
    new Promise((resolve, reject) => {
      const done = (error: unknown, copied: number) => (error ? reject(error) : resolve(copied));
      call.async(from.descriptor, [from.offset], to.descriptor, [to.offset], bytes, 0, done);
    });
}

function find(signature: string): ReturnType<ReturnType<typeof koffi.load>['func']> | undefined {
  try {
    return koffi.load(null).func(signature);
  } catch {
    return undefined;
  }
}
