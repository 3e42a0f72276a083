import type { V1Secret } from '@kubernetes/client-node';
import { openStore, type S3Settings, type Store } from '@longshore/store';
import { z } from 'zod';
import { ProducerError } from '../error.ts';
import type { AddressGuard } from './address-guard.ts';
import { type ClusterApi, ifThere } from './cluster-api.ts';
import type { Places } from './resource-record.ts';

/** Keys of a Secret with a bucket. */
const Bucket = z.object({
  bucket: z.string().min(1),
  accessKeyId: z.string().min(1),
  secretAccessKey: z.string().min(1),
  sessionToken: z.string().optional(),
  endpoint: z.string().optional(),
  region: z.string().optional(),
});
type Bucket = z.infer<typeof Bucket>;

/** A bucket as a namespace's Secret names it, and the version of the Secret. */
export interface NamedBucket {
  version: string;
  bucket: Bucket;
}

/** Rejects with SECRET_MISSING, also where the Secret lacks a key. */
export async function readBucket(
  { namespace, secret: name }: Places,
  { core }: ClusterApi,
): Promise<NamedBucket> {
  const secret = await ifThere(core.readNamespacedSecret({ namespace, name }));
  if (!secret)
    throw missing(`The Secret ${namespace}/${name} isn't there: make it, with the keys of the bucket.`);
  const parsed = Bucket.safeParse(textsOf(secret));
  if (parsed.success) return { version: secret.metadata?.resourceVersion ?? '', bucket: parsed.data };
  const keys = [...new Set(parsed.error.issues.map(({ path }) => String(path[0])))].join(', ');
  throw missing(`The Secret ${namespace}/${name} lacks ${keys}: add it.`);
}

const missing = (message: string) => new ProducerError('SECRET_MISSING', message);

const textsOf = ({ data = {} }: V1Secret) =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString().trim()]),
  );

/** The bucket as a store. Never with credentials of the producer's own: a Secret has its own, or there's no store. */
export async function openBucket(
  { bucket: { bucket, endpoint, region, ...credentials } }: NamedBucket,
  { prefix, guard }: { prefix: string; guard: AddressGuard },
): Promise<Store> {
  if (endpoint) guard.expect(endpoint);
  const s3: S3Settings = { endpoint: endpoint || undefined, region, credentials, lookup: guard.lookup };
  return openStore(uriOf(bucket, prefix), { s3 });
}

export const uriOf = (bucket: string, prefix: string) => `s3://${bucket}${prefix && `/${prefix}`}`;
