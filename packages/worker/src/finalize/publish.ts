import { stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Manifest, publishedKeys } from '@longshore/shared';
import { type ObjectInfo, type Part, putMarked, type Store, StoreError } from '@longshore/store';
import type { IndexTotals } from '@longshore/tape';
import { WorkerError } from '../error.ts';
import type { ExportContext } from '../export-context.ts';
import type { Archive } from './archive.ts';
import type { SurveyOptions } from './survey.ts';

const SQLITE_TYPE = 'application/vnd.sqlite3';

/** An index above this goes up as a multipart upload, in parts of this size: one request takes 5 GiB at most. */
const INDEX_PART_BYTES = 2 ** 30;

const isCode = (error: unknown, code: StoreError['code']) =>
  error instanceof StoreError && error.code === code;

function taken(store: Store, key: string): WorkerError {
  return new WorkerError(
    'ARCHIVE_EXISTS',
    `${key} appeared in ${store.uri} during the export; nothing was overwritten.`,
  );
}

/**
 * Publishes the index ahead of the archive. A claim in the work area is written first, so that whoever
 * clears up after a failure, or goes on after a crash, knows that an index which is there is this export's.
 */
export async function publishIndex({ context, signal }: SurveyOptions, file: string): Promise<void> {
  const { store, area, order } = context;
  const { index: key } = publishedKeys(order.name, order.format);
  const claimed = (await store.head(area.indexClaim, { signal })) !== undefined;
  const present = await store.head(key, { signal });
  if (present && !claimed) throw taken(store, key);
  if (present) return;
  const claim = { key: area.indexClaim, marker: area.order, body: { bytes: 0, chunks: [] } };
  await putMarked(store, claim, { signal });
  await putFile({ store, key, file, signal });
  await expectExport({ context, signal });
}

/** Takes the index back where the export was given up meanwhile: ORDER_MISSING. */
async function expectExport({ context, signal }: Pick<SurveyOptions, 'context' | 'signal'>): Promise<void> {
  const { store, area, order } = context;
  if (await store.head(area.order, { signal })) return;
  const { index, manifest } = publishedKeys(order.name, order.format);
  // Another finalizer may have got to the end with this very index.
  if (!(await store.head(manifest))) await store.delete([index]);
  throw new WorkerError('ORDER_MISSING', `${store.uri} has no ${area.order}: the export has ended.`);
}

interface PutFile {
  store: Store;
  key: string;
  file: string;
  signal: AbortSignal;
}

async function putFile({ store, key, file, signal }: PutFile): Promise<void> {
  const { size } = await stat(file);
  for await (const upload of store.listUploads(key, { signal })) await store.abortUpload(upload, { signal });
  if (size <= INDEX_PART_BYTES) {
    await putSmall({ store, key, file, signal }, size);
    return;
  }
  const upload = await store.createUpload(key, { signal, contentType: SQLITE_TYPE });
  const parts: Part[] = [];
  for (let offset = 0; offset < size; offset += INDEX_PART_BYTES) {
    const bytes = Math.min(INDEX_PART_BYTES, size - offset);
    parts.push(await store.putPart(upload, parts.length + 1, { bytes, file, offset }, { signal }));
  }
  await store.completeUpload(upload, parts, { signal });
}

async function putSmall({ store, key, file, signal }: PutFile, bytes: number): Promise<void> {
  try {
    await store.put(key, { bytes, file, offset: 0 }, { signal, ifAbsent: true, contentType: SQLITE_TYPE });
  } catch (error) {
    // A request whose answer was lost is repeated, and then finds what it wrote itself.
    const present = isCode(error, 'ALREADY_EXISTS') ? await store.head(key, { signal }) : undefined;
    if (present?.bytes === bytes) return;
    throw present ? taken(store, key) : error;
  }
}

/**
 * Completes the upload with exactly the parts that were verified. A completion whose answer was lost is told
 * by the upload being gone; `completedArchive` then looks for the object.
 */
export async function completeUpload(options: SurveyOptions, parts: readonly Part[]): Promise<void> {
  const { store, order } = options.context;
  try {
    await store.completeUpload(order.upload, parts, { signal: options.signal });
  } catch (error) {
    if (isCode(error, 'NO_SUCH_UPLOAD')) return;
    if (!isCode(error, 'ALREADY_EXISTS')) throw error;
    if (await isOpen(options)) throw taken(store, order.upload.key);
  }
}

async function isOpen({ context: { store, order }, signal }: SurveyOptions): Promise<boolean> {
  for await (const upload of store.listUploads(order.upload.key, { signal })) {
    if (upload.id === order.upload.id) return true;
  }
  return false;
}

/** The archive as the store shows it, which must have the size of what was uploaded: ARCHIVE_MISMATCH. */
export async function completedArchive(
  { store, order }: ExportContext,
  { bytes, signal }: { bytes: number; signal: AbortSignal },
): Promise<ObjectInfo> {
  const { key } = order.upload;
  const archive = await store.head(key, { signal, checksum: 'crc64nvme' });
  if (archive?.bytes === bytes) return archive;
  const found = archive ? `has ${archive.bytes} bytes` : "isn't there";
  throw new WorkerError(
    'ARCHIVE_MISMATCH',
    `${key} ${found} after ${bytes} bytes were uploaded; export again.`,
  );
}

/** Publishes the manifest, which declares the archive complete. */
export async function publishManifest({ context, signal }: SurveyOptions, manifest: Manifest): Promise<void> {
  const { store, order } = context;
  const json = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
  const key = publishedKeys(order.name, order.format).manifest;
  const options = { signal, ifAbsent: true, contentType: 'application/json' };
  try {
    await store.put(key, { bytes: json.length, chunks: [json] }, options);
  } catch (error) {
    if (!isCode(error, 'ALREADY_EXISTS')) throw error;
    // The answer to our own request may have been lost before it was repeated.
    const present = await buffer(await store.get(key, { signal }));
    if (!present.equals(json)) throw taken(store, key);
  }
}

export interface Completion {
  archive: Archive;
  parts: readonly Part[];
  totals: IndexTotals;
}

/** The manifest before the archive is complete: without its ETag, which the store gives then. */
export function draftManifest({ order }: ExportContext, { archive, parts, totals }: Completion): Manifest {
  const { id, name, created, volume, level, exclude, onChange, format, build } = order;
  const { entries, drift, skipped } = totals;
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  return Manifest.parse({
    version: 1,
    export: { id, name, source: volume, created, completed: created },
    archive: { key: order.upload.key, format, bytes, parts: parts.length, etag: '' },
    tape: { bytes: archive.tapeBytes, crc32: archive.tapeCrc.toString(16).padStart(8, '0') },
    entries,
    options: { level, exclude, onChange },
    tools: build,
    drift,
    skipped,
  });
}
