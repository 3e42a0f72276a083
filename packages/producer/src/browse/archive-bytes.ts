import type { Readable } from 'node:stream';
import type { Store } from '@longshore/store';
import { TapeError } from '@longshore/tape';

export interface ArchiveBytesOptions {
  store: Store;
  key: string;
  /** Where reading ends at the latest. */
  end: number;
  /** Bytes that one request asks for; what is read of them and not wanted is less than asking again takes. */
  window: number;
  signal: AbortSignal;
}

/** Skipped rather than asked around: padding between parts has 5 MiB at most. */
const MAX_SKIP = 5 * 2 ** 20;

/** Reads ranges of an archive, one behind the other, with as few requests to its store as that takes. */
export class ArchiveBytes implements Disposable {
  readonly #options: ArchiveBytesOptions;
  #stream: Readable | undefined;
  #chunks: AsyncIterator<Buffer> | undefined;
  /** What was read of the stream and not taken yet, and where in the archive that begins. */
  #rest: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Where the stream ends. */
  #end = 0;

  constructor(options: ArchiveBytesOptions) {
    this.#options = options;
  }

  /** Fills `target` with the bytes from `offset` on. Rejects with CORRUPT where the archive has fewer. */
  async read(offset: number, target: Buffer): Promise<void> {
    if (!this.#reaches(offset, target.length)) await this.#open(offset, target.length);
    while (this.#at < offset) await this.#next(offset - this.#at);
    for (let filled = 0; filled < target.length; ) {
      const piece = await this.#next(target.length - filled);
      target.set(piece, filled);
      filled += piece.length;
    }
  }

  [Symbol.dispose](): void {
    this.#stream?.destroy();
    this.#stream = undefined;
  }

  #reaches(offset: number, bytes: number): boolean {
    if (!this.#stream || offset + bytes > this.#end) return false;
    return offset >= this.#at && offset - this.#at <= MAX_SKIP;
  }

  async #open(offset: number, bytes: number): Promise<void> {
    this[Symbol.dispose]();
    const { store, key, window, signal } = this.#options;
    const end = Math.max(offset + bytes, Math.min(this.#options.end, offset + window));
    this.#stream = await store.get(key, { range: { start: offset, end }, signal });
    this.#chunks = this.#stream[Symbol.asyncIterator]();
    this.#rest = Buffer.alloc(0);
    this.#at = offset;
    this.#end = end;
  }

  /** What comes next, at most so many bytes. */
  async #next(bytes: number): Promise<Buffer> {
    if (this.#rest.length === 0) {
      const next = await this.#chunks?.next();
      if (!next || next.done)
        throw new TapeError('CORRUPT', 'The archive ends before its index says; verify it.');
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(piece.length);
    this.#at += piece.length;
    return piece;
  }
}
