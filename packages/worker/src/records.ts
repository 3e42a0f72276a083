import { buffer } from 'node:stream/consumers';
import { type Store, StoreError } from '@longshore/store';
import { decodeRecord, type ItemRecord, TapeError } from '@longshore/tape';

/** What may stand at a record's key without being a record: gone since it was listed, or damaged. */
function isNoRecord(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === 'NOT_FOUND';
  return error instanceof TapeError && error.code === 'CORRUPT';
}

/** The record at `key`, or undefined where there's none that can be read. */
export async function readRecord(
  store: Store,
  key: string,
  signal: AbortSignal,
): Promise<ItemRecord | undefined> {
  try {
    return decodeRecord(await buffer(await store.get(key, { signal })));
  } catch (error) {
    if (isNoRecord(error)) return undefined;
    throw error;
  }
}

export interface RecordQuery {
  prefix: string;
  item: number;
  digest: string;
  end: number;
  signal: AbortSignal;
}

/** The first attempt's record of this item that packed this very range of this very segment. */
export async function findRecord(
  store: Store,
  { prefix, item, digest, end, signal }: RecordQuery,
): Promise<ItemRecord | undefined> {
  for await (const { key } of store.list(prefix, { signal })) {
    const record = await readRecord(store, key, signal);
    if (record?.item === item && record.digest === digest && record.end === end) return record;
  }
  return undefined;
}
