import { type Order, publishedKeys } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { clearStore, readManifest } from '../clear-store.ts';
import type { ExportRecord } from '../records/record.ts';

/**
 * Deletes what an export published, and what it left. The manifest goes first, because it says that the rest is
 * whole; objects that somebody else put in the place of ours stay. Safe to repeat.
 */
export async function unpublish(
  { result }: ExportRecord,
  { order, store }: { order: Order; store: Store },
): Promise<void> {
  const { manifest: key, archive } = publishedKeys(order.name, order.format);
  const manifest = await readManifest(store, key);
  if (manifest?.export.id === order.id) await store.delete([key]);
  if (result && (await store.head(archive))?.etag === result.archive.etag) await store.delete([archive]);
  await clearStore(order, store);
}
