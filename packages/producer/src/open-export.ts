import { randomBytes } from 'node:crypto';
import { type Build, type Format, Order, publishedKeys, workArea } from '@longshore/shared';
import { inMemory, type Store, type Upload } from '@longshore/store';
import { clearStore } from './clear-store.ts';
import type { ExportRequest } from './request.ts';

const CONTENT_TYPES: Record<Format, string> = {
  'tar.zst': 'application/zstd',
  'tar.gz': 'application/gzip',
  tar: 'application/x-tar',
};

/** Starts with a letter and is never all digits, as BullMQ asks of job ids. */
export function newExportId(): string {
  return `x${randomBytes(10).toString('hex')}`;
}

export const archiveKey = ({ name, format }: Pick<ExportRequest, 'name' | 'format'>) =>
  publishedKeys(name, format).archive;

interface Opening {
  store: Store;
  signal: AbortSignal;
}

/** Opens the multipart upload of an order that is going to have this id. */
export function openUpload(
  request: ExportRequest,
  { id, store, signal }: Opening & { id: string },
): Promise<Upload> {
  const contentType = CONTENT_TYPES[request.format];
  const metadata = { 'longshore-export': id };
  return store.createUpload(archiveKey(request), { signal, contentType, metadata });
}

/** Writes an order to its work area, where every worker looks for it. */
export async function writeOrder(order: Order, { store, signal }: Opening): Promise<void> {
  const json = Buffer.from(JSON.stringify(Order.parse(order), undefined, 2));
  await store.put(workArea(order.id).order, inMemory(json), { signal });
}

/**
 * Opens the export's multipart upload and writes its order, which every worker goes by. Nothing stays
 * behind where it rejects.
 */
export async function openExport(
  request: ExportRequest,
  { build, ...opening }: Opening & { build: Build },
): Promise<Order> {
  const id = newExportId();
  const upload = await openUpload(request, { ...opening, id });
  const order: Order = { version: 1, id, created: new Date().toISOString(), build, upload, ...request };
  try {
    await writeOrder(order, opening);
    return order;
  } catch (error) {
    await clearStore(order, opening.store);
    throw error;
  }
}
