import { link, lstat, open, rename, stat, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CliError, type CliErrorCode } from '../error.ts';

/** File systems without hard links say one of these. */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** What else than `BAD_TARGET` a system's error means. */
const CODES: Record<string, CliErrorCode> = { EEXIST: 'TARGET_EXISTS', ENOSPC: 'TARGET_FULL' };

const SENTENCES: Partial<Record<CliErrorCode, (file: string) => string>> = {
  TARGET_EXISTS: (file) => `${file} exists, and is never overwritten: choose another --output.`,
  TARGET_FULL: (file) =>
    `The disk of ${file} is full: make room there, and the same command goes on with what it has.`,
};

/** Where the archive goes to: below `output` where that's a directory. `key` is its name at its destination. */
export async function targetFile(output: string | undefined, key: string): Promise<string> {
  const name = basename(key);
  if (output === undefined) return name;
  const isDirectory = await stat(output).then(
    (found) => found.isDirectory(),
    () => output.endsWith('/'),
  );
  return isDirectory ? join(output, name) : output;
}

export async function refuseExisting(file: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined);
  if (found) throw targetFault(Object.assign(new Error(), { code: 'EEXIST' }), file);
}

/** Renames a file, and never over another one: TARGET_EXISTS. */
export async function publish(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
    await unlink(from);
  } catch (cause) {
    if (!NO_LINKS.has(codeOf(cause))) throw targetFault(cause, to);
    await renameToOwn(from, to);
  }
}

/** Takes the name by an empty file, which is then its own to replace. */
async function renameToOwn(from: string, to: string): Promise<void> {
  try {
    await (await open(to, 'wx')).close();
    await rename(from, to);
  } catch (cause) {
    throw targetFault(cause, to);
  }
}

/** What the system says of a file that's to be written; any other error stays as it is. */
export function targetFault(cause: unknown, file: string): unknown {
  const system = codeOf(cause);
  if (!(cause instanceof Error) || cause instanceof CliError || system === '') return cause;
  // Linux's EDQUOT is 122, and libuv has no name for it.
  const code = cause.message.startsWith('Unknown system error -122') ? 'TARGET_FULL' : CODES[system];
  const sentence = SENTENCES[code ?? 'BAD_TARGET']?.(file);
  const message = sentence ?? `${file} can't be written (${system}): choose another --output.`;
  return new CliError(code ?? 'BAD_TARGET', message, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
