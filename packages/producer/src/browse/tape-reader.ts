import type { Format } from '@longshore/shared';
import { decodeFrame, FRAME_BYTES, type IndexedFrame, type IndexReader, TapeError } from '@longshore/tape';
import type { PublishedArchive } from '../exports/exports.ts';
import { ArchiveBytes } from './archive-bytes.ts';
import {
  type FrameMemory,
  giveBackFrameMemory,
  MAX_FRAME_ARCHIVE_BYTES,
  takeFrameMemory,
} from './frame-memory.ts';

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

/** Small enough to be garbage that costs little. */
const PIECE_BYTES = 262_144;

/** Reads ranges of an archive's tape, one after the other: one frame is in memory at a time. */
export class TapeReader implements Disposable {
  readonly #options: TapeReaderOptions;
  #bytes: ArchiveBytes | undefined;
  #current: { frame: IndexedFrame; memory: FrameMemory } | undefined;
  #disposed = false;

  constructor(options: TapeReaderOptions) {
    this.#options = options;
  }

  /** The range's bytes in pieces. Rejects with CORRUPT where index and archive don't have them all. */
  async *read({ start, end }: TapeRange): AsyncGenerator<Buffer> {
    for (let at = start; at < end; ) {
      const { frame, memory } = await this.#frameAt(at, end);
      const from = at - frame.tapeOffset;
      const to = Math.min(end - frame.tapeOffset, frame.tapeBytes, from + PIECE_BYTES);
      at += to - from;
      // Whoever takes it may still have it when the memory holds the next frame.
      yield Buffer.from(memory.raw.subarray(from, to));
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#bytes?.[Symbol.dispose]();
    if (this.#current) giveBackFrameMemory(this.#current.memory);
    this.#current = undefined;
  }

  async #frameAt(at: number, end: number) {
    if (this.#current && holds(this.#current.frame, at)) return this.#current;
    const frame = this.#find(at);
    const memory = this.#current?.memory ?? takeFrameMemory();
    // It's nobody's to give back while it's being filled, perhaps by another thread.
    this.#current = undefined;
    try {
      this.#expectOpen();
      await this.#load(frame, { memory, end });
      this.#expectOpen();
    } catch (error) {
      giveBackFrameMemory(memory);
      throw error;
    }
    this.#current = { frame, memory };
    return this.#current;
  }

  /** Whoever has what it read would never know that there is more. */
  #expectOpen(): void {
    if (this.#disposed) throw new Error('The tape is read after its reader was disposed of.');
  }

  async #load(frame: IndexedFrame, { memory, end }: { memory: FrameMemory; end: number }): Promise<void> {
    const compressed = memory.compressed.subarray(0, frame.archiveBytes);
    await this.#archive(end).read(frame.archiveOffset, compressed);
    const raw = memory.raw.subarray(0, frame.tapeBytes);
    if (await decodeFrame(this.#options.format, compressed, raw)) return;
    throw new TapeError('CORRUPT', 'A frame of the archive is damaged; verify the archive.');
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
