import { readlinkat, result } from './libc.ts';

// Linux creates no target longer than PATH_MAX; a foreign file system may hold one.
const buffer = Buffer.allocUnsafeSlow(65536);

/** A symbolic link's target, or the errno negated: EINVAL if it isn't one any more. */
export function readTarget(directory: number, name: Uint8Array): Buffer | number {
  const length = result(readlinkat(directory, name, buffer, buffer.length));
  return length < 0 ? length : Buffer.from(buffer.subarray(0, length));
}
