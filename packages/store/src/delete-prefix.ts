import type { RequestOptions, Store } from './store.ts';

/** Keys that one delete takes: S3's limit. */
const KEYS_PER_DELETE = 1_000;

/** Deletes every object below `prefix`. Safe to repeat. */
export async function deletePrefix(store: Store, prefix: string, options?: RequestOptions): Promise<void> {
  let keys: string[] = [];
  for await (const { key } of store.list(prefix, options)) {
    keys.push(key);
    if (keys.length < KEYS_PER_DELETE) continue;
    await store.delete(keys, options);
    keys = [];
  }
  if (keys.length > 0) await store.delete(keys, options);
}
