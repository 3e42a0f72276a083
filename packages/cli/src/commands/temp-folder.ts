import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processMark, removeAbandoned } from '@longshore/store';
import { CliError } from '../error.ts';

const TEMP_PREFIX = 'longshore-';

/** What a disk must have room for at least: enough for Redis to start. */
const TRIAL_BYTES = 64 * 2 ** 10;

/** The system's words for a folder that isn't there, or isn't this user's; a full one is told elsewhere. */
const UNUSABLE: Record<string, string> = {
  ENOENT: "doesn't exist",
  ENOTDIR: "isn't a directory",
  EACCES: "can't be written by this user",
  EPERM: "can't be written by this user",
  EROFS: 'is mounted read-only',
};

/**
 * Makes a folder for what one command keeps, removed with everything in it. Rejects with BAD_TEMP, or the
 * system's ENOSPC, when `parent` can't be used.
 */
export async function tempFolder(parent: string): Promise<AsyncDisposable & { path: string }> {
  try {
    await removeAbandoned(parent, TEMP_PREFIX);
    const path = await mkdtemp(join(parent, `${TEMP_PREFIX}${processMark}`));
    const dispose = () => rm(path, { recursive: true, force: true });
    await tryWriting(path).catch((error) => dispose().then(() => Promise.reject(error)));
    return { path, [Symbol.asyncDispose]: dispose };
  } catch (cause) {
    throw badTemp(parent, cause);
  }
}

async function tryWriting(folder: string): Promise<void> {
  const file = join(folder, 'trial');
  await writeFile(file, Buffer.alloc(TRIAL_BYTES));
  await rm(file);
}

function badTemp(parent: string, cause: unknown): unknown {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (!(errno in UNUSABLE)) return cause;
  const message = `The temporary folder ${parent} ${UNUSABLE[errno]}: set TMPDIR to one that can be used.`;
  return new CliError('BAD_TEMP', message, { cause });
}
