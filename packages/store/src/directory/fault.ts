import { StoreError, type StoreErrorCode } from '../error.ts';

interface Meaning {
  code: StoreErrorCode;
  advice: string;
}

const FULL: Meaning = {
  code: 'NO_SPACE',
  advice: 'the file system or a quota is full; make room and try again',
};
const DENIED: Meaning = { code: 'ACCESS_DENIED', advice: 'access denied; allow this user to write there' };
const AWAY: Meaning = {
  code: 'UNREACHABLE',
  advice: "the file system doesn't answer; check that it is mounted",
};
const BUSY: Meaning = { code: 'UNAVAILABLE', advice: 'the system is short of a resource; try again later' };
const IN_THE_WAY: Meaning = { code: 'REFUSED', advice: 'a file and a directory would need the same name' };

/** errno(3) names; a network file system that went away shows as one of AWAY's. */
const BY_ERRNO: Record<string, Meaning> = {
  ENOENT: { code: 'NOT_FOUND', advice: 'there is no such object' },
  EEXIST: {
    code: 'ALREADY_EXISTS',
    advice: 'there is an object of that name already, and it was left as it is',
  },
  ENOSPC: FULL,
  EDQUOT: FULL,
  EACCES: DENIED,
  EPERM: DENIED,
  EROFS: { code: 'ACCESS_DENIED', advice: 'the file system is mounted read-only' },
  ESTALE: AWAY,
  EIO: AWAY,
  ENOTCONN: AWAY,
  ENODEV: AWAY,
  ETIMEDOUT: AWAY,
  EHOSTDOWN: AWAY,
  ECONNABORTED: AWAY,
  EMFILE: BUSY,
  ENFILE: BUSY,
  ENOMEM: BUSY,
  EAGAIN: BUSY,
  EBUSY: BUSY,
  EINTR: BUSY,
  ENOTDIR: IN_THE_WAY,
  EISDIR: IN_THE_WAY,
  ENOTEMPTY: IN_THE_WAY,
  ENAMETOOLONG: { code: 'REFUSED', advice: 'the name is too long for this file system' },
  EFBIG: { code: 'REFUSED', advice: 'the file is too large for this file system' },
};

export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The one sentence and code that a failed system call stands for. */
export function directoryFault(
  error: unknown,
  { action, signal }: { action: string; signal?: AbortSignal },
): StoreError {
  if (error instanceof StoreError) return error;
  if (signal?.aborted)
    return new StoreError('ABORTED', `can't ${action}: the caller gave up`, { cause: error });
  const errno = errnoOf(error) ?? 'unknown error';
  const { code, advice } = BY_ERRNO[errno] ?? { code: 'REFUSED', advice: 'the file system refused' };
  return new StoreError(code, `can't ${action}: ${advice} (${errno})`, { cause: error });
}

/** Runs `act` and lets it fail with one of `errnos`, for which `otherwise` stands in. */
export async function unless<T>(
  errnos: ReadonlySet<string>,
  act: () => Promise<T>,
  otherwise: T,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (errnos.has(errnoOf(error) ?? '')) return otherwise;
    throw error;
  }
}

/** "It isn't there", where a directory of its path may be missing or a file in its place. */
export const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR']);
