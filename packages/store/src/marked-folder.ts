import { deletePrefix } from './delete-prefix.ts';
import { StoreError } from './error.ts';
import type { Body, RequestOptions, Store } from './store.ts';

/**
 * Objects below one prefix that live as long as one of them, the marker. A process that was stopped in the middle
 * of a write may finish it long after the others have deleted everything, and nobody would come back for what it
 * wrote. So the marker is deleted before the rest is listed, and looked for after every write: a writer that still
 * finds it wrote before that listing, and one that doesn't takes its object away itself. (This needs a store whose
 * lists and look-ups show every write that was answered, as S3 promises since 2020.)
 */
export interface MarkedFolder {
  prefix: string;
  /** Key of the marker, below `prefix`. */
  marker: string;
}

/** How long a caller that was told to stop still looks after what it may have written. */
const LAST_LOOK_MS = 3_000;

interface MarkedPut {
  marker: string;
  /** Written one after the other: where one is there, so are those before it. */
  objects: readonly { key: string; body: Body }[];
}

/** `put` for such a folder. Rejects with NOT_FOUND, leaving nothing, where the marker is gone. */
export async function putMarked(
  store: Store,
  { marker, objects }: MarkedPut,
  options: RequestOptions & { ifAbsent?: boolean } = {},
): Promise<void> {
  const keys = objects.map(({ key }) => key);
  let written = 0;
  try {
    for (const { key, body } of objects) {
      await store.put(key, body, options);
      written++;
    }
    await expectMarker(store, { marker, keys });
  } catch (error) {
    const isHalfWritten = written > 0 && written < objects.length;
    // Who was too late has usually been told to stop by now; the store may have carried the request out all the same.
    if (isHalfWritten || options.signal?.aborted)
      await expectMarker(store, { marker, keys }, AbortSignal.timeout(LAST_LOOK_MS));
    throw error;
  }
}

async function expectMarker(
  store: Store,
  { marker, keys }: { marker: string; keys: string[] },
  signal?: AbortSignal,
): Promise<void> {
  if (await store.head(marker, { signal })) return;
  await store.delete(keys, { signal });
  throw new StoreError('NOT_FOUND', `${store.uri} has no ${marker} any more: what it stood for has ended`);
}

/** Deletes the marker, and then everything below the prefix. Safe to repeat. */
export async function deleteMarked(
  store: Store,
  { prefix, marker }: MarkedFolder,
  options?: RequestOptions,
): Promise<void> {
  await store.delete([marker], options);
  await deletePrefix(store, prefix, options);
}
