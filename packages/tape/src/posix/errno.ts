import { constants } from 'node:os';
import { TapeError } from '../error.ts';
import { ENOKEY } from './constants.ts';
import { displayPath } from './display-path.ts';

export const errno = { ...constants.errno, ENOKEY };

const NAMES = new Map<number, string>();
for (const [name, code] of Object.entries(errno)) {
  // Two names for one number: EAGAIN is EWOULDBLOCK, EOPNOTSUPP is ENOTSUP. The first in the table stands.
  if (!NAMES.has(code)) NAMES.set(code, name);
}

/** The name of a failed call's `result`: `ENOENT` for −2. */
export function errnoName(failed: number): string {
  return NAMES.get(-failed) ?? `errno ${-failed}`;
}

/** A failure that isn't about one file: the disk, the server or this process is in trouble. */
export function ioError(failed: number, doing: string, path: Buffer): TapeError {
  const name = errnoName(failed);
  return new TapeError('IO', `${doing} ${displayPath(path)} failed with ${name}`, { errno: name });
}
