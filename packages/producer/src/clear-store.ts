import { buffer } from 'node:stream/consumers';
import { Manifest, type Order, publishedKeys, workArea } from '@longshore/shared';
import { deleteMarked, isUploadOpen, type Store } from '@longshore/store';
import { INDEX_HEAD_BYTES, isIndexOf } from '@longshore/tape';

/** What clearing found: an export that had got to its end stays, and only its work area goes. */
export type Cleared = 'cleared' | 'complete';

/**
 * Gives up what an export has in the store: its uploads, its work area, its index, and an archive that was
 * completed but not declared so by a manifest. What has its manifest is complete, and stays. Safe to repeat.
 * Nothing may be writing any more.
 */
export async function clearStore(order: Order, store: Store): Promise<Cleared> {
  const area = workArea(order.id);
  const keys = publishedKeys(order.name, order.format);
  const complete = (await readManifest(store, keys.manifest))?.export.id === order.id;
  if (!complete) {
    await clearArchive(order, store);
    await clearIndex(order, store);
  }
  await deleteMarked(store, { prefix: area.root, marker: area.order });
  return complete ? 'complete' : 'cleared';
}

/** The manifest at `key`; undefined where there is none, or one that makes no sense. */
export async function readManifest(store: Store, key: string): Promise<Manifest | undefined> {
  if (!(await store.head(key))) return undefined;
  const parsed = Manifest.safeParse(JSON.parse((await buffer(await store.get(key))).toString()));
  return parsed.success ? parsed.data : undefined;
}

/** An archive is this export's where the upload is gone, and it has the size that the draft says. */
async function clearArchive(order: Order, store: Store): Promise<void> {
  const { key } = order.upload;
  const open = await isUploadOpen(store, order.upload);
  await store.abortUpload(order.upload);
  const draft = open ? undefined : await readManifest(store, workArea(order.id).manifestDraft);
  if (!draft) return;
  const archive = await store.head(key);
  if (archive?.bytes === draft.archive.bytes) await store.delete([key]);
}

async function clearIndex(order: Order, store: Store): Promise<void> {
  const { indexUpload } = workArea(order.id);
  const { index: key } = publishedKeys(order.name, order.format);
  if (await store.head(indexUpload)) {
    const id = (await buffer(await store.get(indexUpload))).toString();
    await store.abortUpload({ key, id });
  }
  if (!(await store.head(key))) return;
  const head = await buffer(await store.get(key, { range: { start: 0, end: INDEX_HEAD_BYTES } }));
  if (isIndexOf(head, order.id)) await store.delete([key]);
}
