import { StoreError } from '../error.ts';

export interface S3Address {
  bucket: string;
  /** Without a slash at either end; empty for the whole bucket. */
  prefix: string;
}

/** Old buckets may have upper case and underscores (S3 user guide, "Bucket naming rules"). */
const ADDRESS = /^s3:\/\/(?<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:\/(?<prefix>.*))?$/s;

/** Reads `s3://bucket/prefix`; the prefix is taken literally, without percent-decoding. Rejects with BAD_DESTINATION. */
export function parseS3Address(uri: string): S3Address {
  const { bucket, prefix = '' } = ADDRESS.exec(uri)?.groups ?? {};
  if (bucket !== undefined) return { bucket, prefix: prefix.replace(/^\/+|\/+$/g, '') };
  const shown = JSON.stringify(uri.replace(/\/\/[^/]*@/, '//'));
  const reason = uri.includes('@')
    ? "credentials don't belong in it; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    : 'write s3://BUCKET/PREFIX';
  throw new StoreError('BAD_DESTINATION', `${shown} isn't a bucket's address: ${reason}`);
}

export function formatS3Address({ bucket, prefix }: S3Address): string {
  return prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`;
}
