import { randomBytes } from 'node:crypto';
import { type Build, type Format, Order, publishedKeys, workArea } from '@longshore/shared';
import { deleteMarked, type Store } from '@longshore/store';
import type { ExportRequest } from './request.ts';

const CONTENT_TYPES: Record<Format, string> = {
  'tar.zst': 'application/zstd',
  'tar.gz': 'application/gzip',
  tar: 'application/x-tar',
};

/** Starts with a letter and is never all digits, as BullMQ asks of job ids. */
function newExportId(): string {
  return `x${randomBytes(10).toString('hex')}`;
}

export interface OpenExportOptions {
  store: Store;
  build: Build;
  signal: AbortSignal;
}

/**
 * Opens the export's multipart upload and writes its order, which every worker goes by. Nothing stays
 * behind where it rejects.
 */
export async function openExport(
  request: ExportRequest,
  { store, build, signal }: OpenExportOptions,
): Promise<Order> {
  const id = newExportId();
  const key = publishedKeys(request.name, request.format).archive;
  const metadata = { 'longshore-export': id };
  const upload = await store.createUpload(key, {
    signal,
    contentType: CONTENT_TYPES[request.format],
    metadata,
  });
  const order: Order = { version: 1, id, created: new Date().toISOString(), build, upload, ...request };
  try {
    const json = Buffer.from(JSON.stringify(Order.parse(order), undefined, 2));
    await store.put(workArea(id).order, { bytes: json.length, chunks: [json] }, { signal });
    return order;
  } catch (error) {
    await clearStore(order, store);
    throw error;
  }
}

/**
 * Gives up what an export has in the store, but for an archive that is complete: its upload, its work area,
 * and an index that was published ahead of the archive. Safe to repeat. Nothing may be writing any more.
 */
export async function clearStore(order: Order, store: Store): Promise<void> {
  const area = workArea(order.id);
  await store.abortUpload(order.upload);
  if (await store.head(area.indexClaim)) await store.delete([publishedKeys(order.name, order.format).index]);
  await deleteMarked(store, { prefix: area.root, marker: area.order });
}
