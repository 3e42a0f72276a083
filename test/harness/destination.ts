import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  GetObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { tempFolder } from './temp.ts';
import type { S3Server } from './versitygw.ts';

/** A place of its own for one test's export, seen without Longshore's own code. */
export interface Destination extends AsyncDisposable {
  /** As `--to` takes it. */
  uri: string;
  env: Record<string, string>;
  /** SHA-256 of an object, in hex. */
  sha256(key: string): Promise<string>;
  /** Every key, file and folder, the work area's too, and `upload of KEY` for each open upload; sorted. */
  contents(): Promise<string[]>;
}

/** What makes destinations of one kind. */
export interface DestinationKind {
  name: string;
  open(): Promise<Destination>;
}

export async function directoryDestination(): Promise<Destination> {
  const temp = await tempFolder('destination');
  return {
    uri: join(temp.path, 'archives'),
    env: {},
    sha256: (key) => digest(createReadStream(join(temp.path, 'archives', key))),
    contents: async () =>
      (await readdir(temp.path, { recursive: true }))
        .filter((name) => name !== 'archives')
        .map(relative)
        .sort(),
    [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose](),
  };
}

const relative = (name: string) => name.replace('archives/', '');

let buckets = 0;

/** A new bucket; its server is the caller's. */
export async function bucketDestination(s3: S3Server): Promise<Destination> {
  const bucket = await s3.bucket(`exports-${++buckets}`);
  const { endpoint, region, credentials } = s3;
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  return {
    uri: `s3://${bucket}/some/prefix`,
    env: s3.env,
    sha256: async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: `some/prefix/${key}` }));
      return digest(Body as Readable);
    },
    contents: async () => [...(await keysOf(client, bucket)), ...(await uploadsOf(client, bucket))],
    [Symbol.asyncDispose]: async () => client.destroy(),
  };
}

async function keysOf(client: S3Client, bucket: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { Contents } of paginateListObjectsV2({ client }, { Bucket: bucket }))
    for (const { Key } of Contents ?? []) keys.push((Key ?? '').replace('some/prefix/', ''));
  return keys.sort();
}

async function uploadsOf(client: S3Client, bucket: string): Promise<string[]> {
  const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  return (Uploads ?? []).map(({ Key }) => `upload of ${Key}`);
}

async function digest(source: Readable): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(source, hash);
  return hash.digest('hex');
}

/** What is to be found where an export called `name` is complete. */
export function publishedNames(name: string): string[] {
  return [`${name}.index.sqlite`, `${name}.manifest.json`, `${name}.tar.zst`];
}
