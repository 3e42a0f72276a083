import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { create as contentDisposition } from 'content-disposition';
import { StoreError } from '../error.ts';
import type { Link, LinkOptions } from '../store.ts';

const COMMANDS = { GET: GetObjectCommand, HEAD: HeadObjectCommand };

/**
 * Signs a link by Signature Version 4's query parameters. `Range` isn't signed, so whoever has the link may ask
 * for any range. The file's name is: it can't be changed afterwards.
 */
export async function signLink(
  client: S3Client,
  { Bucket, Key }: { Bucket: string; Key: string },
  { method, filename, expiresSeconds }: LinkOptions,
): Promise<Link> {
  const expiresIn = Math.min(expiresSeconds, await secondsOfCredentials(client));
  const name = filename ?? Key.slice(Key.lastIndexOf('/') + 1);
  const command = new COMMANDS[method]({
    Bucket,
    Key,
    ResponseContentDisposition: contentDisposition(name),
  });
  return { url: await getSignedUrl(client, command, { expiresIn }), expiresIn };
}

/** For how long the credentials are still good; a link dies with the ones that it is signed with. */
async function secondsOfCredentials(client: S3Client): Promise<number> {
  const { expiration } = await client.config.credentials();
  if (!expiration) return Number.POSITIVE_INFINITY;
  const seconds = Math.floor((expiration.getTime() - Date.now()) / 1_000);
  if (seconds >= 1) return seconds;
  throw new StoreError(
    'BAD_CREDENTIALS',
    "can't sign a link: the credentials have expired; check where this process gets new ones from",
  );
}
