import { FRAME_BYTES } from '@longshore/tape';

/** A frame grows by 1,290 bytes at worst when it is compressed (docs/archive-format.md, section 2). */
export const MAX_FRAME_ARCHIVE_BYTES = FRAME_BYTES + 4_096;

/** Room for one frame, as the archive has it and as the tape has it. */
export interface FrameMemory {
  compressed: Buffer;
  raw: Buffer;
}

/** What stays when nobody reads. */
const MAX_IDLE = 4;

const idle: FrameMemory[] = [];

/**
 * Memory that was used before, where there is some: new memory for every frame has the garbage collector go through
 * the heap for each second one, which took five times the decoding.
 */
export function takeFrameMemory(): FrameMemory {
  return (
    idle.pop() ?? {
      compressed: Buffer.allocUnsafeSlow(MAX_FRAME_ARCHIVE_BYTES),
      raw: Buffer.allocUnsafeSlow(FRAME_BYTES),
    }
  );
}

/** Nobody may have a view of it any more. */
export function giveBackFrameMemory(memory: FrameMemory): void {
  if (idle.length < MAX_IDLE) idle.push(memory);
}
