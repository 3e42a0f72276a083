import type { FileHandle } from 'node:fs/promises';
import { type CopyEnd, libc } from './libc.ts';

/** A cancelled copy ends after this much: about a second on a slow disk. */
const STEP_BYTES = 64 * 2 ** 20;
const BUFFER_BYTES = 2 ** 20;

export interface CopyRange {
  from: FileHandle;
  fromOffset: number;
  to: FileHandle;
  toOffset: number;
  bytes: number;
  signal?: AbortSignal;
}

/**
 * Copies a range between two open files with copy_file_range(2), in the kernel or by sharing blocks. Where the
 * system can't (EXDEV, ENOSYS, EINVAL on some file systems) or doesn't want to go on, reads and writes do it,
 * and say what is wrong if that fails as well. Rejects when the source ends too early.
 */
export async function copyRange(range: CopyRange): Promise<void> {
  for (let done = 0; done < range.bytes; ) {
    range.signal?.throwIfAborted();
    const step = Math.min(STEP_BYTES, range.bytes - done);
    const copied = await copyInKernel(range, done, step);
    done += copied > 0 ? copied : await copyByHand(range, done, step);
  }
}

function copyInKernel(
  { from, to, fromOffset, toOffset }: CopyRange,
  done: number,
  step: number,
): Promise<number> | number {
  const source: CopyEnd = { descriptor: from.fd, offset: fromOffset + done };
  const target: CopyEnd = { descriptor: to.fd, offset: toOffset + done };
  return libc.copyFileRange?.(source, target, step) ?? 0;
}

async function copyByHand(
  { from, to, fromOffset, toOffset }: CopyRange,
  done: number,
  step: number,
): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(BUFFER_BYTES, step));
  const { bytesRead } = await from.read(buffer, 0, buffer.byteLength, fromOffset + done);
  if (bytesRead === 0) throw new Error(`the source ends at byte ${fromOffset + done}`);
  await writeWhole(to, buffer.subarray(0, bytesRead), toOffset + done);
  return bytesRead;
}

/** pwrite(2) may take less than it was given. */
export async function writeWhole(to: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await to.write(bytes, done, bytes.byteLength - done, offset + done);
    done += bytesWritten;
  }
}
