import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { ObjectInfo, Part } from '../store.ts';

export interface Listing {
  client: S3Client;
  bucket: string;
  signal?: AbortSignal;
}

/** An ETag without the quotes that HTTP puts around it. */
export function bareEtag(etag: string | undefined): string {
  return etag?.replaceAll('"', '') ?? '';
}

/** Every object whose full key begins with `prefix`; "folders" (keys that end with a slash) are left out. */
export async function* listObjects(
  prefix: string,
  { client, bucket, signal }: Listing,
): AsyncGenerator<ObjectInfo> {
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const command = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token });
    const page = await client.send(command, { abortSignal: signal });
    for (const { Key: key = '', Size: bytes = 0, ETag } of page.Contents ?? []) {
      if (!key.endsWith('/')) yield { key, bytes, etag: bareEtag(ETag) };
    }
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  }
}

/** The ids of the uploads of exactly this full key. */
export async function* listUploadIds(
  key: string,
  { client, bucket, signal }: Listing,
): AsyncGenerator<string> {
  for (let KeyMarker: string | undefined, UploadIdMarker: string | undefined, more = true; more; ) {
    const command = new ListMultipartUploadsCommand({
      Bucket: bucket,
      Prefix: key,
      KeyMarker,
      UploadIdMarker,
    });
    const page = await client.send(command, { abortSignal: signal });
    for (const upload of page.Uploads ?? []) if (upload.Key === key && upload.UploadId) yield upload.UploadId;
    ({ NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = page);
    more = page.IsTruncated === true && KeyMarker !== undefined;
  }
}

/** The parts of an upload, a thousand a request. */
export async function* listUploadParts(
  { key, id }: { key: string; id: string },
  { client, bucket, signal }: Listing,
): AsyncGenerator<Part> {
  for (let marker: string | undefined, more = true; more; more = marker !== undefined) {
    const command = new ListPartsCommand({
      Bucket: bucket,
      Key: key,
      UploadId: id,
      PartNumberMarker: marker,
    });
    const page = await client.send(command, { abortSignal: signal });
    for (const { PartNumber: number = 0, Size: bytes = 0, ETag } of page.Parts ?? []) {
      yield { number, bytes, etag: bareEtag(ETag) };
    }
    marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
  }
}
