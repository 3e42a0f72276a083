import { Readable } from 'node:stream';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { s3CodeOf } from './fault.ts';
import { bareEtag } from './listing.ts';

/** A range of an object by its full key; with `etag`, only while it is still the same object. */
export interface Reading {
  bucket: string;
  key: string;
  start: number;
  end?: number;
  etag?: string;
  signal?: AbortSignal;
}

/** Opens a range that isn't empty; one beyond the object's end gives no bytes (HTTP would say 416). */
export async function openRange(
  client: S3Client,
  reading: Reading,
): Promise<{ source: Readable; etag: string }> {
  const { bucket, key, etag, signal } = reading;
  const IfMatch = etag === undefined ? undefined : `"${etag}"`;
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: rangeHeader(reading), IfMatch });
  try {
    const { Body, ETag } = await client.send(command, { abortSignal: signal });
    if (!(Body instanceof Readable)) throw new Error('the SDK gave no stream');
    return { source: Body, etag: bareEtag(ETag) };
  } catch (error) {
    if (s3CodeOf(error) === 'InvalidRange') return { source: Readable.from([]), etag: '' };
    throw error;
  }
}

/** RFC 9110, section 14.1.2: both ends are inclusive. */
function rangeHeader({ start, end }: Reading): string | undefined {
  if (end === undefined) return start === 0 ? undefined : `bytes=${start}-`;
  return `bytes=${start}-${end - 1}`;
}
