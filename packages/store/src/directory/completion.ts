import { constants } from 'node:fs';
import { type FileHandle, link, open, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { StoreError } from '../error.ts';
import { checkPartList, totalBytes } from '../part-list.ts';
import type { ObjectInfo, Part } from '../store.ts';
import { copyRange } from './copy-range.ts';
import { ABSENT, errnoOf, unless } from './fault.ts';
import { inFolder, syncFolder } from './folders.ts';
import { etagOf, statFile } from './identity.ts';
import { readJournal, writeJournal } from './journal.ts';
import { lockUpload } from './lock.ts';
import {
  assemblyPath,
  discardUploadFolder,
  noSuchUpload,
  openPartPath,
  partsIn,
  sealedPartPath,
  type UploadFolder,
} from './upload-folder.ts';

export interface Completion {
  folder: UploadFolder;
  parts: readonly Part[];
  signal?: AbortSignal;
}

/**
 * Makes an object of parts with at most one part's bytes on disk twice, and can be killed anywhere:
 *
 * 1. *Seal*: each part is moved to where no late writer reaches it, and its identity is checked there.
 * 2. *Journal*: the list is written down. From here on a listed part is in `sealed` or in the assembly.
 * 3. *Assemble*: each part is copied to its offset and synced, and only then deleted. Repeating a copy that
 *    was cut short writes the same bytes at the same place.
 * 4. *Publish*: `link` gives the assembly the object's name, or fails because something has it.
 *
 * A repeated completion may name other parts than the one that was interrupted; what the two lists don't have
 * in common from the start on is then taken out of the assembly again. One process at a time completes an
 * upload; another one is told UNAVAILABLE.
 */
export async function completeFolder(completion: Completion): Promise<ObjectInfo> {
  const { folder } = completion;
  await using _lock = await lockUpload(folder);
  const published = await finishPublished(folder);
  if (published) return published;
  await expectAbsent(folder);
  await putTogether(completion);
  // Awaited here, because leaving the function gives up the lock.
  return await publish(folder);
}

/** Steps 1 to 3 by themselves: a completion with the same parts then has little left to do. */
export async function assembleFolder(completion: Completion): Promise<void> {
  await using _lock = await lockUpload(completion.folder);
  // Once it's published, there's nothing to put together.
  if (!(await finishPublished(completion.folder))) await putTogether(completion);
}

async function putTogether(completion: Completion): Promise<void> {
  const { folder, parts } = completion;
  const kept = await takeBack(completion);
  await seal(folder, parts.slice(kept.count), kept.renewed);
  await using assembly = await open(assemblyPath(folder), constants.O_RDWR | constants.O_CREAT);
  await writeJournal(folder.path, parts);
  // Awaited here, because leaving the function closes the assembly.
  return await assemble(assembly, completion);
}

function objectPath({ root, upload }: UploadFolder): string {
  return join(root, upload.key);
}

/** A second name shows that an earlier completion got as far as publishing; only the tidying is left to do. */
async function finishPublished(folder: UploadFolder): Promise<ObjectInfo | undefined> {
  const assembly = await statFile(assemblyPath(folder));
  if (!assembly || assembly.nlink < 2n) return undefined;
  const object = await statFile(objectPath(folder));
  await discardUploadFolder(folder.root, folder.upload.id);
  if (object?.ino !== assembly.ino) throw noSuchUpload(folder);
  return { key: folder.upload.key, bytes: Number(object.size), etag: etagOf(object) };
}

async function expectAbsent(folder: UploadFolder): Promise<void> {
  if (await statFile(objectPath(folder))) throw alreadyExists(folder);
}

function alreadyExists({ root, upload }: UploadFolder): StoreError {
  return new StoreError(
    'ALREADY_EXISTS',
    `can't complete the upload of "${upload.key}" in ${root}: there is an object of that name already`,
  );
}

/** How many parts of an earlier completion stay assembled, and the new ETags of consumed parts that don't. */
interface Kept {
  count: number;
  renewed: ReadonlyMap<number, string>;
}

/** Brings the folder to a state in which the journal is the beginning of the new list, and nothing else is sealed. */
async function takeBack({ folder, parts }: Completion): Promise<Kept> {
  const journal = await readJournal(folder.path);
  await unseal(folder, journal);
  checkPartList(folder.upload, parts, await offered(folder, journal, parts));
  const count = commonLength(journal, parts);
  if (count === journal.length) return { count, renewed: new Map() };
  const renewed = await disassemble(folder, journal, count);
  await writeJournal(folder.path, journal.slice(0, count));
  await unseal(folder, journal.slice(0, count));
  return { count, renewed };
}

/** What a list may name: the journaled part, or one that was written since. */
async function offered(
  folder: UploadFolder,
  journal: readonly Part[],
  parts: readonly Part[],
): Promise<Map<number, Part>> {
  const wanted = new Map(parts.map(({ number, etag }) => [number, etag]));
  const open = await partsIn(join(folder.path, 'parts'));
  const journaled = journal.filter(({ number, etag }) => wanted.get(number) === etag);
  return new Map([...open, ...journaled].map((part) => [part.number, part]));
}

function commonLength(journal: readonly Part[], parts: readonly Part[]): number {
  const differs = ({ number, etag }: Part, index: number) =>
    number !== parts[index]?.number || etag !== parts[index].etag;
  const first = journal.findIndex(differs);
  return first === -1 ? journal.length : first;
}

/** Gives sealed parts that aren't journaled back; where a later one of the same number was written, that one counts. */
async function unseal(folder: UploadFolder, journal: readonly Part[]): Promise<void> {
  const journaled = new Set(journal.map(({ number }) => number));
  for (const { number } of await partsIn(join(folder.path, 'sealed'))) {
    if (journaled.has(number)) continue;
    await unless(
      new Set(['EEXIST']),
      () => link(sealedPartPath(folder, number), openPartPath(folder, number)),
      undefined,
    );
    await unlink(sealedPartPath(folder, number));
  }
}

/** From the end, so that never more than one part is on disk twice. Each becomes a file again, with a new identity. */
async function disassemble(
  folder: UploadFolder,
  journal: readonly Part[],
  count: number,
): Promise<Map<number, string>> {
  const renewed = new Map<number, string>();
  await using assembly = await open(assemblyPath(folder), 'r+');
  for (let index = journal.length - 1; index >= count; index--) {
    const part = journal[index];
    const offset = totalBytes(journal.slice(0, index));
    if (!(await statFile(sealedPartPath(folder, part.number))))
      await restore(folder, part, { assembly, offset });
    const file = await statFile(sealedPartPath(folder, part.number));
    if (file) renewed.set(part.number, etagOf(file));
    await assembly.truncate(Math.min(offset, (await assembly.stat()).size));
  }
  return renewed;
}

async function restore(
  folder: UploadFolder,
  part: Part,
  { assembly, offset }: { assembly: FileHandle; offset: number },
): Promise<void> {
  const scratch = join(folder.path, 'restored.new');
  await using file = await open(scratch, 'w');
  await copyRange({ from: assembly, fromOffset: offset, to: file, toOffset: 0, bytes: part.bytes });
  await file.sync();
  await rename(scratch, sealedPartPath(folder, part.number));
  await syncFolder(dirname(sealedPartPath(folder, part.number)));
}

/** Moves the parts out of late writers' reach; one that isn't the one named means PART_MISMATCH, and all go back. */
async function seal(
  folder: UploadFolder,
  parts: readonly Part[],
  renewed: ReadonlyMap<number, string>,
): Promise<void> {
  for (const part of parts) {
    const sealed = sealedPartPath(folder, part.number);
    await unless(ABSENT, () => rename(openPartPath(folder, part.number), sealed), undefined);
    const file = await statFile(sealed);
    const etag = file && etagOf(file);
    if (etag !== undefined && (etag === part.etag || etag === renewed.get(part.number))) continue;
    await unseal(folder, await readJournal(folder.path));
    throw new StoreError(
      'PART_MISMATCH',
      `can't complete "${folder.upload.key}": part ${part.number} was replaced meanwhile`,
    );
  }
}

async function assemble(assembly: FileHandle, { folder, parts, signal }: Completion): Promise<void> {
  let offset = 0;
  for (const part of parts) {
    signal?.throwIfAborted();
    await consume(sealedPartPath(folder, part.number), {
      to: assembly,
      toOffset: offset,
      bytes: part.bytes,
      signal,
    });
    offset += part.bytes;
  }
  await assembly.sync();
  const { size } = await assembly.stat();
  if (size === offset) return;
  throw new StoreError(
    'REFUSED',
    `the assembly of "${folder.upload.key}" has ${size} bytes instead of ${offset}; abort the upload`,
  );
}

interface Target {
  to: FileHandle;
  toOffset: number;
  bytes: number;
  signal?: AbortSignal;
}

/** A part that has no file any more was copied and synced before. */
async function consume(sealed: string, target: Target): Promise<void> {
  const from = await unless(ABSENT, () => open(sealed, 'r'), undefined);
  if (!from) return;
  try {
    await copyRange({ from, fromOffset: 0, ...target });
    await target.to.datasync();
  } finally {
    await from.close();
  }
  await rm(sealed);
}

async function publish(folder: UploadFolder): Promise<ObjectInfo> {
  const path = objectPath(folder);
  try {
    await inFolder(folder.root, dirname(path), () => link(assemblyPath(folder), path));
  } catch (error) {
    throw errnoOf(error) === 'EEXIST' ? alreadyExists(folder) : error;
  }
  await syncFolder(dirname(path));
  const published = await finishPublished(folder);
  if (!published) throw noSuchUpload(folder);
  return published;
}
