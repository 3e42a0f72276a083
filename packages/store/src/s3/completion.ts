import { CompleteMultipartUploadCommand, type S3Client } from '@aws-sdk/client-s3';
import type { Part, Upload } from '../store.ts';
import { s3CodeOf } from './fault.ts';
import { bareEtag } from './listing.ts';

export interface Completion {
  client: S3Client;
  bucket: string;
  /** With the full key. */
  upload: Upload;
  parts: readonly Part[];
  signal?: AbortSignal;
}

/**
 * Completes the upload if nothing has its key (`If-None-Match: *`), and gives the object's ETag. A server that
 * answers that it doesn't know the condition is asked without it; the caller has looked for an object before.
 */
export async function completeIfAbsent(completion: Completion): Promise<string> {
  try {
    return await complete(completion, '*');
  } catch (error) {
    if (s3CodeOf(error) !== 'NotImplemented') throw error;
    return complete(completion, undefined);
  }
}

async function complete(
  { client, bucket, upload, parts, signal }: Completion,
  IfNoneMatch: string | undefined,
): Promise<string> {
  const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: `"${etag}"` }));
  const target = { Bucket: bucket, Key: upload.key, UploadId: upload.id };
  const command = new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts }, IfNoneMatch });
  const { ETag } = await client.send(command, { abortSignal: signal });
  return bareEtag(ETag);
}
