import { buffer } from 'node:stream/consumers';
import { type Store, StoreError } from '@longshore/store';
import { decodeRecord, type ItemRecord, TapeError } from '@longshore/tape';
import { LRUCache } from 'lru-cache';

/** Encoded records that are kept in memory: those of thousands of items with a few large files each. */
const KEPT_BYTES = 8 * 2 ** 20;

/** What the memory of one takes beyond its bytes: key, buffer and entry, roughly. */
const ENTRY_BYTES = 500;

/** What may stand at a record's key without being a record: gone since it was listed, or damaged. */
function isNoRecord(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === 'NOT_FOUND';
  return error instanceof TapeError && error.code === 'CORRUPT';
}

export interface RecordQuery {
  prefix: string;
  item: number;
  digest: string;
  end: number;
  signal: AbortSignal;
}

/**
 * Records in the work areas of one store or several. Those that were written or read lately are remembered: a record's
 * key names its attempt, so that what stands there never changes. Whether it still stands there, only a list says.
 */
export class Records {
  #kept = new LRUCache<string, Buffer>({
    maxSize: KEPT_BYTES,
    sizeCalculation: ({ length }) => length + ENTRY_BYTES,
  });

  /** Remembers an encoded record that was written, or read and found whole. */
  remember({ uri }: Store, key: string, encoded: Buffer): void {
    if (this.#kept.has(`${uri} ${key}`)) return;
    // What it's a piece of may be a hundred times as large.
    const own = Buffer.allocUnsafeSlow(encoded.length);
    encoded.copy(own);
    this.#kept.set(`${uri} ${key}`, own);
  }

  /** The encoded record at a key that was listed; rejects with NOT_FOUND and the store's other errors. */
  async encoded(store: Store, key: string, signal: AbortSignal): Promise<Buffer> {
    const kept = this.#kept.get(`${store.uri} ${key}`);
    return kept ?? buffer(await store.get(key, { signal }));
  }

  /** The record at a key that was listed, or undefined where there's none that can be read. */
  async read(store: Store, key: string, signal: AbortSignal): Promise<ItemRecord | undefined> {
    try {
      const encoded = await this.encoded(store, key, signal);
      const record = decodeRecord(encoded);
      this.remember(store, key, encoded);
      return record;
    } catch (error) {
      if (isNoRecord(error)) return undefined;
      throw error;
    }
  }

  /** The first attempt's record of this item that packed this very range of this very segment. */
  async find(store: Store, query: RecordQuery): Promise<ItemRecord | undefined> {
    const { prefix, item, digest, end, signal } = query;
    for await (const { key } of store.list(prefix, { signal })) {
      const record = await this.read(store, key, signal);
      if (record?.item === item && record.digest === digest && record.end === end) return record;
    }
    return undefined;
  }
}
