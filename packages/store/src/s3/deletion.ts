import { DeleteObjectCommand, DeleteObjectsCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3CodeOf } from './fault.ts';

/** What one DeleteObjects request takes (S3 API reference). */
const BATCH = 1000;
const SINGLE_DELETES_AT_ONCE = 16;

/** Servers' words for "not this request, or not with this checksum": Content-MD5 asked for, no such operation. */
const NO_BATCHES: ReadonlySet<string> = new Set([
  'MissingContentMD5',
  'InvalidDigest',
  'InvalidRequest',
  'NotImplemented',
  'MalformedXML',
  'MethodNotAllowed',
]);

export interface Deletion {
  client: S3Client;
  bucket: string;
  signal?: AbortSignal;
}

/** Deletes objects by their full keys, a thousand a request, or one by one where the server has no such request. */
export async function deleteObjects(keys: readonly string[], deletion: Deletion): Promise<void> {
  for (let at = 0; at < keys.length; at += BATCH) {
    const batch = keys.slice(at, at + BATCH);
    try {
      await deleteBatch(batch, deletion);
    } catch (error) {
      if (!NO_BATCHES.has(s3CodeOf(error))) throw error;
      await deleteSingly(batch, deletion);
    }
  }
}

async function deleteBatch(keys: readonly string[], { client, bucket, signal }: Deletion): Promise<void> {
  const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
  const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete }), {
    abortSignal: signal,
  });
  const refusal = Errors?.find(({ Code }) => Code !== 'NoSuchKey');
  if (refusal)
    throw Object.assign(new Error(`${refusal.Key}: ${refusal.Message}`), { name: refusal.Code ?? 'Unknown' });
}

async function deleteSingly(keys: readonly string[], { client, bucket, signal }: Deletion): Promise<void> {
  const queue = [...keys];
  const drain = async () => {
    for (let Key = queue.pop(); Key !== undefined; Key = queue.pop()) {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key }), { abortSignal: signal });
    }
  };
  await Promise.all(Array.from({ length: SINGLE_DELETES_AT_ONCE }, drain));
}
