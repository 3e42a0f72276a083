import { FRAME_BYTES } from '../layout.ts';

let shared: Buffer | undefined;

/** `bytes` zero bytes, at most FRAME_BYTES: a view of one buffer that nobody writes to. */
export function zeroBytes(bytes: number): Buffer {
  shared ??= Buffer.alloc(FRAME_BYTES);
  return shared.subarray(0, bytes);
}

/** Whether `raw` is a whole frame of zeros. Anything else is told from its first bytes on. */
export function isZeroFrame(raw: Buffer): boolean {
  return raw.length === FRAME_BYTES && raw.equals(zeroBytes(FRAME_BYTES));
}
