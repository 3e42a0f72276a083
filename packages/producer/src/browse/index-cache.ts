import { LRUCache } from 'lru-cache';
import { ProducerError } from '../error.ts';
import type { PublishedArchive } from '../exports/exports.ts';
import { fetchIndex, removeAbandoned } from './fetch-index.ts';
import type { Lease, OpenIndex } from './open-index.ts';

export interface IndexCacheOptions {
  /** Where indexes are kept, in files without names; made where it isn't there. */
  folder: string;
  /** Of all that are kept. One that is dropped while it is in use takes its space until that ends. */
  maxBytes: number;
}

/** Each has a file descriptor, and up to 2 MB of SQLite's own cache. */
const MAX_INDEXES = 100;

/**
 * Archives' indexes on this machine's disk, the last used ones. An index is fetched once for all who wait for it; the
 * fetch goes on when they have left, for whoever comes next.
 */
export class IndexCache implements AsyncDisposable {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #kept: LRUCache<string, Promise<OpenIndex>>;
  readonly #closing = new AbortController();
  readonly #fetches = new Set<Promise<unknown>>();

  constructor({ folder, maxBytes }: IndexCacheOptions) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#kept = new LRUCache({
      max: MAX_INDEXES,
      maxSize: maxBytes,
      dispose: (opening) => void opening.then((open) => open.letGo()).catch(() => undefined),
    });
    this.#track(removeAbandoned(folder));
  }

  /** The index of an export's archive, open until the lease is disposed of. Rejects as `fetchIndex`, and with INDEX_TOO_LARGE. */
  async lease(id: string, archive: PublishedArchive): Promise<Lease> {
    for (;;) {
      const open = await (this.#kept.get(id) ?? this.#begin(id, archive));
      const lease = open.lease();
      if (lease) return lease;
      // Dropped and closed since it was asked for.
    }
  }

  /** Has an export's index fetched again when it's needed next: this one is damaged. */
  forget(id: string): void {
    this.#kept.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#kept.clear();
    await Promise.allSettled(this.#fetches);
  }

  /** Makes room before anything is fetched. */
  async #begin(id: string, archive: PublishedArchive): Promise<OpenIndex> {
    const size = await this.#sizeOf(archive);
    const begun = this.#kept.get(id);
    if (begun) return begun;
    this.#closing.signal.throwIfAborted();
    const opening = fetchIndex(archive, { folder: this.#folder, signal: this.#closing.signal });
    this.#track(opening);
    this.#kept.set(id, opening, { size });
    opening.catch(() => {
      if (this.#kept.peek(id) === opening) this.#kept.delete(id);
    });
    return opening;
  }

  async #sizeOf({ store, index }: PublishedArchive): Promise<number> {
    const object = await store.head(index);
    if (!object)
      throw new ProducerError('ARCHIVE_GONE', "The archive's index was removed at its destination.");
    if (object.bytes <= this.#maxBytes) return Math.max(object.bytes, 1);
    const message = `The archive's index has ${object.bytes} bytes, and this server keeps ${this.#maxBytes} at most (limits.indexCacheBytes).`;
    throw new ProducerError('INDEX_TOO_LARGE', message);
  }

  #track(work: Promise<unknown>): void {
    this.#fetches.add(work);
    const forget = () => this.#fetches.delete(work);
    work.then(forget, forget);
  }
}
