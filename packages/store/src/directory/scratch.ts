import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { processMark, removeAbandoned } from '../abandoned.ts';
import { checkBody, chunksOf, type FileBody, openBody, tooShort } from '../body.ts';
import type { Body, RequestOptions } from '../store.ts';
import { copyRange, writeWhole } from './copy-range.ts';
import { ABSENT, unless } from './fault.ts';
import { inFolder, removeEmptyFolders } from './folders.ts';

/**
 * Another machine's write that hasn't been touched for so long has lost its process: no clocks on one network
 * differ by a day.
 */
const STALE_MS = 24 * 3_600_000;

export function scratchFolder(root: string): string {
  return join(root, '.longshore', 'tmp');
}

/** A name in the scratch folder that nothing else has. */
export function scratchPath(root: string): string {
  return join(scratchFolder(root), `${processMark}${randomUUID()}`);
}

/**
 * Removes what this machine's killed processes left in the scratch folder, and then that folder, and `.longshore`
 * above it, where nothing is left in them.
 */
export async function tidyScratch(root: string): Promise<void> {
  await unless(ABSENT, () => removeAbandoned(scratchFolder(root)), undefined);
  await removeEmptyFolders(root, scratchFolder(root));
}

/** Writes the body to a new file, synced, whole or not at all. */
export async function writeNew(path: string, body: Body, options?: RequestOptions): Promise<void> {
  checkBody(body);
  try {
    await using handle = await open(path, 'wx');
    if ('file' in body) await copyBody(handle, body, options);
    else await writeChunks(handle, body, options);
    await handle.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function copyBody(to: FileHandle, body: FileBody, options?: RequestOptions): Promise<void> {
  await using from = await openBody(body);
  if ((await from.stat()).size < body.offset + body.bytes) throw tooShort(body);
  await copyRange({
    from,
    fromOffset: body.offset,
    to,
    toOffset: 0,
    bytes: body.bytes,
    signal: options?.signal,
  });
}

async function writeChunks(to: FileHandle, body: Body, options?: RequestOptions): Promise<void> {
  let offset = 0;
  for await (const chunk of chunksOf(body)) {
    options?.signal?.throwIfAborted();
    await writeWhole(to, chunk, offset);
    offset += chunk.byteLength;
  }
}

/** Takes a file or folder out of sight in one step and then removes it; one that isn't there is no error. */
export async function discard(root: string, path: string): Promise<void> {
  const grave = scratchPath(root);
  const moved = await unless(
    ABSENT,
    async () => {
      await stat(path);
      await inFolder(root, scratchFolder(root), () => rename(path, grave));
      return true;
    },
    false,
  );
  if (moved) await rm(grave, { recursive: true, force: true });
  await tidyScratch(root);
}

/** Removes what killed processes, of other machines too, left in the scratch folder. */
export async function sweepScratch(root: string): Promise<void> {
  const names = await unless(ABSENT, () => readdir(scratchFolder(root)), []);
  for (const name of names) {
    const path = join(scratchFolder(root), name);
    const seen = await unless(ABSENT, () => stat(path), undefined);
    if (seen && Date.now() - seen.mtimeMs > STALE_MS) await rm(path, { recursive: true, force: true });
  }
  if (names.length > 0) await tidyScratch(root);
}
