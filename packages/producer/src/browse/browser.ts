import { FORMATS } from '@longshore/shared';
import { type IndexReader, TapeError } from '@longshore/tape';
import { ProducerError } from '../error.ts';
import type { ExportsApi, PublishedArchive } from '../exports/exports.ts';
import { IndexCache, type IndexCacheOptions } from './index-cache.ts';
import { TapeReader } from './tape-reader.ts';

export interface BrowserOptions extends IndexCacheOptions {
  exports: ExportsApi;
  /** Files and selections that are read at once: each takes some 10 MB. */
  maxReads: number;
}

/** An archive that is open for reading. */
export interface OpenArchive {
  archive: PublishedArchive;
  index: IndexReader;
  /** For ranges of the tape; ends with what it was opened for. */
  tape(options: { window?: number; signal: AbortSignal }): TapeReader;
}

/** Completed exports' archives, by their indexes: what is in them, and single files out of them. */
export class Browser implements AsyncDisposable {
  readonly #exports: ExportsApi;
  readonly #cache: IndexCache;
  readonly #maxReads: number;
  #reads = 0;

  constructor({ exports, maxReads, ...cache }: BrowserOptions) {
    this.#exports = exports;
    this.#maxReads = maxReads;
    this.#cache = new IndexCache(cache);
  }

  /**
   * Calls `use` with an export's archive, which is open until that ends. Rejects with UNKNOWN_EXPORT, WRONG_PHASE,
   * ARCHIVE_GONE, INDEX_TOO_LARGE, CACHE_FULL; with PUBLISHED_DAMAGED where index or archive can't be read.
   */
  async open<T>(id: string, use: (open: OpenArchive) => Promise<T> | T): Promise<T> {
    const archive = await this.#exports.archive(id);
    try {
      using lease = await this.#cache.lease(id, archive);
      return await use({
        archive,
        index: lease.reader,
        tape: (options) => tapeOf(archive, lease.reader, options),
      });
    } catch (error) {
      if (!(error instanceof TapeError && error.code === 'CORRUPT')) throw error;
      this.#cache.forget(id);
      throw damaged(error);
    }
  }

  /** As `open`, for what reads the archive itself. Rejects with TOO_MANY_STREAMS where too many do. */
  async read<T>(id: string, use: (open: OpenArchive) => Promise<T>): Promise<T> {
    if (this.#reads >= this.#maxReads)
      throw new ProducerError(
        'TOO_MANY_STREAMS',
        `${this.#maxReads} files are being read already: try again later.`,
      );
    this.#reads += 1;
    try {
      return await this.open(id, use);
    } finally {
      this.#reads -= 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache[Symbol.asyncDispose]();
  }
}

function tapeOf(
  archive: PublishedArchive,
  index: IndexReader,
  options: { window?: number; signal: AbortSignal },
): TapeReader {
  const format = FORMATS.find((each) => each === index.meta('format'));
  if (!format) throw new TapeError('CORRUPT', "The archive's index names no format; verify it.");
  return new TapeReader({ archive, index, format, ...options });
}

function damaged(cause: TapeError): ProducerError {
  const message = "The archive's index, or the archive itself, is damaged: verify it, or export again.";
  return new ProducerError('PUBLISHED_DAMAGED', message, { cause });
}
