import { FRAME_BYTES, type IndexedFrame } from '@longshore/tape';
import { RestoreError } from '../error.ts';

/** More than what a frame that doesn't compress grows by, in any format (docs/archive-format.md, section 2). */
const OVERHEAD_BYTES = 16 * 2 ** 10;

/** Padding between two frames, as it may be at most (section 2 as well), with room for its units. */
const GAP_BYTES = 6 * 2 ** 20;

/** Looks at an index's frames in their order: each throws UNSAFE_ARCHIVE that doesn't follow the one before. */
export class FrameCheck {
  #tapeEnd = 0;
  #archiveEnd = 0;

  next({ tapeOffset, tapeBytes, archiveOffset, archiveBytes }: IndexedFrame): void {
    const gap = archiveOffset - this.#archiveEnd;
    const follows = tapeOffset === this.#tapeEnd && gap >= 0 && gap <= GAP_BYTES;
    const fits = tapeBytes > 0 && tapeBytes <= FRAME_BYTES;
    const fitsArchive = archiveBytes > 0 && archiveBytes <= FRAME_BYTES + OVERHEAD_BYTES;
    if (!follows || !fits || !fitsArchive)
      throw unsafe(`the frame at ${tapeOffset} of the tape is out of place`);
    this.#tapeEnd = tapeOffset + tapeBytes;
    this.#archiveEnd = archiveOffset + archiveBytes;
  }

  finish({ tapeBytes, archiveBytes }: { tapeBytes: number; archiveBytes: number }): void {
    if (this.#tapeEnd !== tapeBytes)
      throw unsafe(`its frames hold ${this.#tapeEnd} bytes, and not ${tapeBytes}`);
    if (this.#archiveEnd > archiveBytes) throw unsafe('its frames are beyond the end of the archive');
  }
}

function unsafe(reason: string): RestoreError {
  const message = `The index is not one of this archive: ${reason}. Get archive, index and manifest again.`;
  return new RestoreError('UNSAFE_ARCHIVE', message);
}
