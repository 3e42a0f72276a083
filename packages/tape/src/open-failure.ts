import type { DriftKind } from '@longshore/shared';
import { errnoName, ioError } from './posix/errno.ts';

/** Why something planned can't be opened any more. `errno` names the system's reason, where it gave one. */
export interface OpenFailure {
  readonly kind: Extract<DriftKind, 'vanished' | 'changed' | 'unreadable'>;
  readonly errno: string | undefined;
}

/** It's there, but isn't a regular file now. */
export const NOT_REGULAR: OpenFailure = { kind: 'changed', errno: undefined };

/**
 * Failures that are about this one path. Every other errno means trouble with the volume or with this process
 * (EIO, ESTALE, ENOTCONN, EMFILE, ENOMEM), and a file must not become zeros for that.
 */
const FAILURES = new Map<string, OpenFailure>(
  (
    [
      // No such name, or a directory on the way is gone or no directory now.
      ['ENOENT', 'vanished'],
      ['ENOTDIR', 'vanished'],
      // A directory on the way became a symbolic link.
      ['ELOOP', 'vanished'],
      // A file system was mounted over it, or a directory on the way was moved out.
      ['EXDEV', 'vanished'],
      // The volume never had such a name: its file system's are shorter.
      ['ENAMETOOLONG', 'vanished'],
      // Became a device, or a socket, between looking and opening.
      ['ENXIO', 'changed'],
      ['ENODEV', 'changed'],
      ['EACCES', 'unreadable'],
      ['EPERM', 'unreadable'],
      // Encrypted by fscrypt, without its key.
      ['ENOKEY', 'unreadable'],
      // Somebody holds a lease on it (fcntl(2), F_SETLEASE) and doesn't let go.
      ['EAGAIN', 'unreadable'],
    ] as const
  ).map(([errno, kind]) => [errno, { kind, errno }]),
);

/** What a failed open of `path` means; throws TapeError IO if it isn't about that path alone. */
export function openFailure(failed: number, path: Buffer): OpenFailure {
  const failure = FAILURES.get(errnoName(failed));
  if (failure === undefined) throw ioError(failed, 'Opening', path);
  return failure;
}
