import type { FileList, NamedFile } from '@longshore/shared';
import { CliError } from '../error.ts';
import { backOff } from './back-off.ts';
import type { Client } from './client.ts';

/** The most that a server gives at once. */
const PAGE = 1_000;

/** How long a server may need for an archive's index, which it fetches when it's first asked for. */
const PATIENCE_MS = 120_000;

/** An entry of an archive, and what is in it, page by page. */
export async function* listFiles(
  id: string,
  named: NamedFile,
  { client, signal }: { client: Client; signal: AbortSignal },
): AsyncGenerator<FileList> {
  let cursor: string | undefined;
  do {
    const page = await patiently(() => client.files(id, { ...named, cursor, limit: PAGE }), signal);
    yield page;
    cursor = page.next;
  } while (cursor !== undefined);
}

/** Asks again while the server says that it can't for now. */
export async function patiently<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const started = performance.now();
  for (let failures = 0; ; failures++) {
    try {
      return await ask();
    } catch (error) {
      const isBusy = error instanceof CliError && error.code === 'SERVER_FAILED';
      if (!isBusy || performance.now() - started > PATIENCE_MS) throw error;
    }
    await backOff(failures, signal);
  }
}

/**
 * A path as it's typed: in Base64 if that's said, which any path can be given in. A shell's completion leaves a `/` at
 * the end, and `/` or `.` is the root; everything else is for the server to judge.
 */
export function namedFile(path: string, { encoded }: { encoded?: boolean }): NamedFile {
  if (encoded) return { pathBase64: path };
  return { path: path === '.' ? '' : path.replace(/^\/+|\/+$/g, '') };
}
