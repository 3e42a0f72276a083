import { stat } from 'node:fs/promises';
import { Manifest, publishedKeys } from '@longshore/shared';
import { type ObjectInfo, type Part, type Store, StoreError } from '@longshore/store';
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
  await store.put(area.indexClaim, { bytes: 0, chunks: [] }, { signal });
  await putFile({ store, key, file, signal });
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
    await store.put(
      key,
      { bytes: size, file, offset: 0 },
      { signal, ifAbsent: true, contentType: SQLITE_TYPE },
    );
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

/**
 * Completes the upload with exactly the parts that were verified. A completion whose answer was lost is told
 * by the upload being gone; `completedArchive` then looks for the object.
 */
export async function completeUpload(
  { context, signal }: SurveyOptions,
  parts: readonly Part[],
): Promise<void> {
  const { store, order } = context;
  try {
    await store.completeUpload(order.upload, parts, { signal });
  } catch (error) {
    if (isCode(error, 'ALREADY_EXISTS')) throw taken(store, order.upload.key);
    if (!isCode(error, 'NO_SUCH_UPLOAD')) throw error;
  }
}

/** The archive as the store shows it, which must have the size of what was uploaded: ARCHIVE_MISMATCH. */
export async function completedArchive(
  { store, order }: ExportContext,
  { bytes, signal }: { bytes: number; signal: AbortSignal },
): Promise<ObjectInfo> {
  const { key } = order.upload;
  const archive = await store.head(key, { signal });
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
  const options = { signal, ifAbsent: true, contentType: 'application/json' };
  await store.put(
    publishedKeys(order.name, order.format).manifest,
    { bytes: json.length, chunks: [json] },
    options,
  );
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
