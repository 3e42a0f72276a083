import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type FileBody, openBody, tooShort } from '../body.ts';
import { StoreError } from '../error.ts';
import type { Body, Part, PartDraft, RequestOptions, Upload } from '../store.ts';
import { ABSENT, directoryFault, errnoOf, unless } from './fault.ts';
import { inFolder, removeEmptyFolders } from './folders.ts';
import { etagOf, statFile } from './identity.ts';
import { readJournal } from './journal.ts';
import { discard, scratchFolder, scratchPath, tidyScratch, writeNew } from './scratch.ts';

/**
 * An open upload:
 *
 *     .longshore/uploads/ID/upload.json   its key, content type and metadata; locked while it is completed
 *                           new-…         a part that is being written, by this store or by a caller
 *                           parts/00012   part 12, put there whole; its ETag is the file's identity
 *                           sealed/00012  part 12, taken by a completion, out of reach of late writers
 *                           journal.json  what the completion makes the object of
 *                           assembly      the object so far
 */
export interface UploadFolder {
  root: string;
  upload: Upload;
  path: string;
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function uploadsFolder(root: string): string {
  return join(root, '.longshore', 'uploads');
}

function partName(number: number): string {
  return String(number).padStart(5, '0');
}

export function openPartPath({ path }: UploadFolder, number: number): string {
  return join(path, 'parts', partName(number));
}

export function sealedPartPath({ path }: UploadFolder, number: number): string {
  return join(path, 'sealed', partName(number));
}

export function assemblyPath({ path }: UploadFolder): string {
  return join(path, 'assembly');
}

export function uploadRecordPath({ path }: UploadFolder): string {
  return join(path, 'upload.json');
}

interface UploadRecord {
  version: 1;
  key: string;
  contentType?: string;
  metadata?: Record<string, string>;
}

/** Makes the folder out of sight, so that it appears with everything in it. */
export async function createUploadFolder(
  root: string,
  record: Omit<UploadRecord, 'version'>,
): Promise<Upload> {
  const id = randomUUID();
  const scratch = scratchPath(root);
  try {
    await inFolder(root, scratchFolder(root), () => mkdir(scratch));
    await Promise.all([mkdir(join(scratch, 'parts')), mkdir(join(scratch, 'sealed'))]);
    const text = JSON.stringify({ version: 1, ...record } satisfies UploadRecord);
    await writeFile(join(scratch, 'upload.json'), text, { flush: true });
    await inFolder(root, uploadsFolder(root), () => rename(scratch, join(uploadsFolder(root), id)));
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await tidyScratch(root);
  }
  return { key: record.key, id };
}

/** Rejects with NO_SUCH_UPLOAD. */
export async function openUploadFolder(root: string, upload: Upload): Promise<UploadFolder> {
  const folder = { root, upload, path: join(uploadsFolder(root), upload.id) };
  const record = ID.test(upload.id) ? await readRecord(folder.path) : undefined;
  if (record?.key === upload.key) return folder;
  // Whoever completed or aborted it may have been killed before the folders that it left empty were removed.
  await tidyScratch(root);
  await removeEmptyFolders(root, uploadsFolder(root));
  throw noSuchUpload(folder);
}

export function noSuchUpload({ root, upload }: Omit<UploadFolder, 'path'>): StoreError {
  return new StoreError(
    'NO_SUCH_UPLOAD',
    `there is no open upload ${upload.id} of "${upload.key}" in ${root}`,
  );
}

async function readRecord(path: string): Promise<{ key: string } | undefined> {
  const text = await unless(ABSENT, () => readFile(join(path, 'upload.json'), 'utf8'), undefined);
  const record: unknown = text === undefined ? undefined : JSON.parse(text);
  if (typeof record !== 'object' || record === null || !('key' in record)) return undefined;
  return typeof record.key === 'string' ? { key: record.key } : undefined;
}

export async function* findUploads(root: string, key: string): AsyncGenerator<Upload> {
  for (const id of await unless(ABSENT, () => readdir(uploadsFolder(root)), [])) {
    const record = await readRecord(join(uploadsFolder(root), id));
    if (record?.key === key) yield { key, id };
  }
}

/** An upload that goes away while something is done in its folder is one that was completed or aborted. */
export async function whileOpen<T>(folder: UploadFolder, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw noSuchUpload(folder);
  }
}

/** The folder itself isn't synced: a part that a power cut takes away is missed by the completion and written again. */
export function writePart(
  folder: UploadFolder,
  number: number,
  body: Body,
  options?: RequestOptions,
): Promise<Part> {
  return whileOpen(folder, async () => {
    if ('file' in body && isDraft(folder, body)) {
      await syncDraft(body);
      return place(folder, number, body.file);
    }
    const scratch = draftPath(folder);
    await writeNew(scratch, body, options);
    try {
      return await place(folder, number, scratch);
    } finally {
      await rm(scratch, { force: true });
    }
  });
}

export function draftIn(folder: UploadFolder, action: string): PartDraft {
  const path = draftPath(folder);
  return {
    path,
    fault: (error) =>
      errnoOf(error) === 'ENOENT' ? noSuchUpload(folder) : directoryFault(error, { action }),
    [Symbol.asyncDispose]: () => rm(path, { force: true }),
  };
}

/** A name in the upload's folder that nothing else has; it goes with the folder. */
function draftPath({ path }: UploadFolder): string {
  return join(path, `new-${randomUUID()}`);
}

function isDraft({ path }: UploadFolder, { file }: FileBody): boolean {
  return dirname(file) === path && basename(file).startsWith('new-');
}

async function syncDraft(body: FileBody): Promise<void> {
  await using handle = await openBody(body);
  if ((await handle.stat()).size !== body.bytes) throw tooShort(body);
  await handle.sync();
}

async function place(folder: UploadFolder, number: number, scratch: string): Promise<Part> {
  const file = await statFile(scratch);
  if (!file) throw noSuchUpload(folder);
  await rename(scratch, openPartPath(folder, number));
  return { number, bytes: Number(file.size), etag: etagOf(file) };
}

/**
 * The parts in the order of their numbers. What an interrupted completion has journaled counts as held, with
 * the ETag that it had: its file may be part of the assembly already.
 */
export async function heldParts(folder: UploadFolder): Promise<Map<number, Part>> {
  const [open, sealed, journal] = await Promise.all([
    partsIn(join(folder.path, 'parts')),
    partsIn(join(folder.path, 'sealed')),
    readJournal(folder.path),
  ]);
  const held = new Map([...sealed, ...open, ...journal].map((part) => [part.number, part]));
  return new Map([...held].sort(([a], [b]) => a - b));
}

/** The part files in one of an upload's folders. */
export async function partsIn(folder: string): Promise<Part[]> {
  const names = await unless(ABSENT, () => readdir(folder), []);
  const parts = await Promise.all(
    names.map(async (name) => {
      const file = await statFile(join(folder, name));
      return file ? [{ number: Number(name), bytes: Number(file.size), etag: etagOf(file) }] : [];
    }),
  );
  return parts.flat();
}

/** Removes an upload that is over, with everything that's left in it. */
export async function discardUploadFolder(root: string, id: string): Promise<void> {
  if (!ID.test(id)) return;
  await discard(root, join(uploadsFolder(root), id));
  await removeEmptyFolders(root, uploadsFolder(root));
}
