import type { RequestOptions, Store } from './store.ts';

/** S3 takes 1,000. Several smaller requests at once took a fifth less time of a server on the same machine. */
const KEYS_PER_DELETE = 250;

const DELETES_AT_ONCE = 8;

/** Deletes every object below `prefix`. Safe to repeat. Nothing is under way any more when it's done, or rejects. */
export async function deletePrefix(store: Store, prefix: string, options?: RequestOptions): Promise<void> {
  let keys: string[] = [];
  for await (const { key } of store.list(prefix, options)) {
    keys.push(key);
    if (keys.length < KEYS_PER_DELETE * DELETES_AT_ONCE) continue;
    await deleteAtOnce(store, keys, options);
    keys = [];
  }
  await deleteAtOnce(store, keys, options);
}

async function deleteAtOnce(store: Store, keys: readonly string[], options?: RequestOptions): Promise<void> {
  const deletions: Promise<void>[] = [];
  for (let at = 0; at < keys.length; at += KEYS_PER_DELETE)
    deletions.push(store.delete(keys.slice(at, at + KEYS_PER_DELETE), options));
  const failed = (await Promise.allSettled(deletions)).find(({ status }) => status === 'rejected');
  if (failed) await Promise.all(deletions);
}
