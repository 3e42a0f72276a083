import { PATH_MAX } from './constants.ts';

const shared = Buffer.alloc(PATH_MAX);

/**
 * `bytes` with a NUL behind them, in one buffer that the next call overwrites: use it at once. Longer than
 * PATH_MAX gets a buffer of its own, for the kernel to refuse.
 */
export function cString(bytes: Uint8Array): Buffer {
  const target = bytes.length < PATH_MAX ? shared : Buffer.alloc(bytes.length + 1);
  target.set(bytes);
  target[bytes.length] = 0;
  return target;
}

/** The directory that a descriptor stands for, as a name inside it. */
export const HERE = Buffer.from('.\0');
/** With AT_EMPTY_PATH: the descriptor itself. */
export const EMPTY = Buffer.from('\0');
