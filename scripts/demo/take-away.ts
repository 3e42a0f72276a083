// What a customer does with an archive: get the object, and unpack it with the tar that's there.
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { execa } from 'execa';
import type { S3Server } from '../../test/harness/versitygw.ts';

export interface FetchOptions {
  /** `s3://bucket/key` */
  uri: string;
  /** A file. */
  to: string;
  signal: AbortSignal;
}

/** Gets an object into a file, and gives the file's path. */
export async function fetchObject(server: S3Server, { uri, to, signal }: FetchOptions): Promise<string> {
  const { host: Bucket, pathname } = new URL(uri);
  const { endpoint, region, credentials } = server;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  try {
    const command = new GetObjectCommand({ Bucket, Key: decodeURIComponent(pathname.slice(1)) });
    const { Body } = await client.send(command, { abortSignal: signal });
    if (!(Body instanceof Readable)) throw new Error(`${uri} has no bytes.`);
    await pipeline(Body, createWriteStream(to), { signal });
    return to;
  } finally {
    client.destroy();
  }
}

/** Unpacks an archive with everything that it says of its files, and gives the folder. */
export async function unpack(archive: string, { into, signal }: { into: string; signal: AbortSignal }) {
  await mkdir(into);
  const faithfully = ['--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner'];
  await execa('tar', ['--zstd', '-xpf', archive, '-C', into, ...faithfully], { cancelSignal: signal });
  return into;
}
