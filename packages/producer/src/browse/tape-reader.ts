import type { Format } from '@longshore/shared';
import { decodeFrame, FRAME_BYTES, type IndexedFrame, type IndexReader, TapeError } from '@longshore/tape';
import type { PublishedArchive } from '../exports/exports.ts';
import { ArchiveBytes } from './archive-bytes.ts';

export interface TapeRange {
  start: number;
  /** Exclusive. */
  end: number;
}

export interface TapeReaderOptions {
  archive: PublishedArchive;
  index: IndexReader;
  format: Format;
  /** See ArchiveBytes; everything in one request where it's left out. */
  window?: number;
  signal: AbortSignal;
}

/** A frame grows by 1,290 bytes at worst when it is compressed (docs/archive-format.md, section 2). */
const MAX_FRAME_ARCHIVE_BYTES = FRAME_BYTES + 4_096;

/** Reads ranges of an archive's tape: one frame is in memory at a time, besides the one that is being decoded. */
export class TapeReader implements Disposable {
  readonly #options: TapeReaderOptions;
  #bytes: ArchiveBytes | undefined;
  #current: { frame: IndexedFrame; raw: Buffer } | undefined;

  constructor(options: TapeReaderOptions) {
    this.#options = options;
  }

  /** The range's bytes in pieces, each a view of a frame. Rejects with CORRUPT where index and archive don't have them all. */
  async *read({ start, end }: TapeRange): AsyncGenerator<Buffer> {
    for (let at = start; at < end; ) {
      const { frame, raw } = await this.#frameAt(at, end);
      const piece = raw.subarray(at - frame.tapeOffset, end - frame.tapeOffset);
      at += piece.length;
      yield piece;
    }
  }

  [Symbol.dispose](): void {
    this.#bytes?.[Symbol.dispose]();
  }

  async #frameAt(at: number, end: number) {
    if (this.#current && holds(this.#current.frame, at)) return this.#current;
    const frame = this.#find(at);
    this.#current = undefined;
    const compressed = await this.#archive(end).take(frame.archiveOffset, frame.archiveBytes);
    const raw = await decodeFrame(this.#options.format, compressed, frame.tapeBytes);
    this.#current = { frame, raw };
    return this.#current;
  }

  #find(at: number): IndexedFrame {
    for (const frame of this.#options.index.frames({ start: at, end: at + 1 })) {
      if (holds(frame, at) && isSound(frame)) return frame;
    }
    throw new TapeError('CORRUPT', `The archive's index has no frame for byte ${at} of the tape; verify it.`);
  }

  /** What one request asks for ends with the frame in which the first range ends, or with the window. */
  #archive(end: number): ArchiveBytes {
    if (this.#bytes) return this.#bytes;
    const { archive, window, signal } = this.#options;
    const last = window === undefined ? this.#find(end - 1) : undefined;
    this.#bytes = new ArchiveBytes({
      ...{ store: archive.store, key: archive.key, signal },
      end: last ? last.archiveOffset + last.archiveBytes : archive.bytes,
      window: window ?? Number.POSITIVE_INFINITY,
    });
    return this.#bytes;
  }
}

function holds({ tapeOffset, tapeBytes }: IndexedFrame, at: number): boolean {
  return tapeOffset <= at && at < tapeOffset + tapeBytes;
}

/** What is damaged doesn't fill the memory. */
function isSound({ tapeBytes, archiveOffset, archiveBytes }: IndexedFrame): boolean {
  const isSmall = tapeBytes <= FRAME_BYTES && archiveBytes <= MAX_FRAME_ARCHIVE_BYTES;
  return isSmall && archiveOffset >= 0 && archiveBytes > 0;
}
