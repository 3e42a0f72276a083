import { randomBytes } from 'node:crypto';
import { type Build, type Format, Order, publishedKeys, workArea } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { clearStore } from './clear-store.ts';
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
