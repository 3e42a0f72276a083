import type { Store } from '@longshore/store';
import type { Request, Response } from 'express';
import { ProducerError } from '../../error.ts';
import { sendRanged } from '../ranged/send-ranged.ts';

/** By the end of the object's name, as the uploads are labelled in a bucket. */
const CONTENT_TYPES: readonly [suffix: string, type: string][] = [
  ['.sqlite', 'application/vnd.sqlite3'],
  ['.json', 'application/json'],
  ['.tar.zst', 'application/zstd'],
  ['.tar.gz', 'application/gzip'],
  ['.tar', 'application/x-tar'],
];

/** What an export published: its archive, or what stands beside it. */
export interface PublishedObject {
  store: Store;
  key: string;
  /** Where they are known: an object of another size isn't the one that was published. */
  bytes?: number;
}

/** Answers GET and HEAD with an object's bytes, whole or one range, from a store that has no links. */
export async function sendObject(
  { store, key, bytes }: PublishedObject,
  exchange: { req: Request; res: Response },
): Promise<void> {
  const object = await store.head(key);
  const name = key.slice(key.lastIndexOf('/') + 1);
  if (!object || object.bytes !== (bytes ?? object.bytes))
    throw new ProducerError('ARCHIVE_GONE', `${name} was removed or replaced at its destination.`);
  const type = CONTENT_TYPES.find(([suffix]) => key.endsWith(suffix))?.[1] ?? 'application/octet-stream';
  const open = (range: { start: number; end: number } | undefined) => store.get(key, { range });
  await sendRanged({ bytes: object.bytes, etag: object.etag, name, type, open }, exchange);
}
