import { stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Manifest, publishedKeys } from '@longshore/shared';
import {
  inMemory,
  isUploadOpen,
  type ObjectInfo,
  type Part,
  putMarked,
  type Store,
  StoreError,
} from '@longshore/store';
import { crc32Hex, INDEX_HEAD_BYTES, type IndexTotals, isIndexOf } from '@longshore/tape';
import { WorkerError } from '../error.ts';
import type { ExportContext } from '../export-context.ts';
import type { Archive } from './archive.ts';
import type { FinalizeOptions } from './finalize.ts';
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
 * Publishes the index ahead of the archive. One that an earlier attempt of this export published is replaced:
 * items may have been packed again since, with other frames and checksums.
 */
export async function publishIndex(options: FinalizeOptions, file: string): Promise<void> {
  const { context, signal } = options;
  const { store, order } = context;
  const { index: key } = publishedKeys(order.name, order.format);
  await options.assertHeld();
  if (await store.head(key, { signal })) {
    if (!(await isOurs(options, key))) throw taken(store, key);
    await store.delete([key], { signal });
  }
  await putFile(options, { key, file });
  await expectExport(options);
}

/** An index says in its first rows which export it is of. */
async function isOurs({ context: { store, order }, signal }: SurveyOptions, key: string): Promise<boolean> {
  const range = { start: 0, end: INDEX_HEAD_BYTES };
  return isIndexOf(await buffer(await store.get(key, { range, signal })), order.id);
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

interface IndexFile {
  key: string;
  file: string;
}

async function putFile(options: SurveyOptions, { key, file }: IndexFile): Promise<void> {
  const { size } = await stat(file);
  if (size > INDEX_PART_BYTES) await putLarge(options, { key, file, size });
  else await putSmall(options, { key, file, size });
}

async function putSmall(
  options: SurveyOptions,
  { key, file, size }: IndexFile & { size: number },
): Promise<void> {
  const { context, signal } = options;
  const body = { bytes: size, file, offset: 0 };
  try {
    await context.store.put(key, body, { signal, ifAbsent: true, contentType: SQLITE_TYPE });
  } catch (error) {
    if (!isCode(error, 'ALREADY_EXISTS')) throw error;
    // A request whose answer was lost is repeated, and then finds what it wrote itself.
    if (!(await isOurs(options, key))) throw taken(context.store, key);
  }
}

/** The upload's id is written down, so that whoever goes on, or clears up, can abort it. */
async function putLarge(
  options: SurveyOptions,
  { key, file, size }: IndexFile & { size: number },
): Promise<void> {
  const { context, signal } = options;
  const { store, area } = context;
  await abortIndexUpload(options, key);
  const upload = await store.createUpload(key, { signal, contentType: SQLITE_TYPE });
  const id = Buffer.from(upload.id);
  const note = { key: area.indexUpload, body: inMemory(id) };
  await putMarked(store, { marker: area.order, objects: [note] }, { signal });
  const parts: Part[] = [];
  for (let offset = 0; offset < size; offset += INDEX_PART_BYTES) {
    const bytes = Math.min(INDEX_PART_BYTES, size - offset);
    parts.push(await store.putPart(upload, parts.length + 1, { bytes, file, offset }, { signal }));
  }
  await store.completeUpload(upload, parts, { signal });
}

async function abortIndexUpload({ context, signal }: SurveyOptions, key: string): Promise<void> {
  const { store, area } = context;
  if (!(await store.head(area.indexUpload, { signal }))) return;
  const id = (await buffer(await store.get(area.indexUpload, { signal }))).toString();
  await store.abortUpload({ key, id }, { signal });
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
    if (await isUploadOpen(store, order.upload, options)) throw taken(store, order.upload.key);
  }
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
    await store.put(key, inMemory(json), options);
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
    archive: {
      ...{ key: order.upload.key, format, bytes, parts: parts.length, etag: '' },
      segments: archive.segments().map((segment) => ({ ...segment, crc32: crc32Hex(segment.crc32) })),
    },
    tape: { bytes: archive.tapeBytes, crc32: crc32Hex(archive.tapeCrc) },
    entries,
    options: { level, exclude, onChange },
    tools: build,
    drift,
    skipped,
  });
}
