import type { RequestOptions, Store, Upload } from './store.ts';

/** Whether this very upload is open: neither completed nor aborted. */
export async function isUploadOpen(store: Store, upload: Upload, options?: RequestOptions): Promise<boolean> {
  for await (const { id } of store.listUploads(upload.key, options)) if (id === upload.id) return true;
  return false;
}
