import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ProducerError } from '../error.ts';
import type { PublishedArchive } from '../exports/exports.ts';
import { OpenIndex } from './open-index.ts';

const PREFIX = 'longshore-index-';
const SUFFIX = '.partial';

/** A fetch that is under way writes all the time, also one of another process in the same folder. */
const ABANDONED_MS = 3_600_000;

/**
 * Fetches an archive's index into a file of its own, and opens it. The file has a name only as long as it is being
 * written. Rejects with a StoreError, with PUBLISHED_DAMAGED where it isn't that archive's index, or with CACHE_FULL.
 */
export async function fetchIndex(
  { store, index, key }: PublishedArchive,
  { folder, signal }: { folder: string; signal: AbortSignal },
): Promise<OpenIndex> {
  const file = join(folder, `${PREFIX}${randomUUID()}${SUFFIX}`);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const target = createWriteStream(file, { flags: 'wx', mode: 0o600 });
    await pipeline(await store.get(index, { signal }), target, { signal }).catch((cause) => {
      target.destroy();
      throw fullOr(cause);
    });
    return expectOf(key, new OpenIndex(file));
  } finally {
    await rm(file, { force: true });
  }
}

function fullOr(error: unknown): unknown {
  const isFull =
    error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
  if (!isFull) return error;
  return new ProducerError('CACHE_FULL', "The disk is full that the server keeps archives' indexes on.", {
    cause: error,
  });
}

function expectOf(key: string, open: OpenIndex): OpenIndex {
  using lease = open.lease();
  if (lease?.reader.meta('archive') === key) return open;
  open.letGo();
  throw new ProducerError('PUBLISHED_DAMAGED', "The archive's index is another archive's: export again.");
}

/** Removes what processes that were killed have left of indexes that they were fetching. */
export async function removeAbandoned(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(PREFIX) && each.endsWith(SUFFIX))) {
    const path = join(folder, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > ABANDONED_MS) await rm(path, { force: true });
  }
}
