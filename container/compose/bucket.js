// `node bucket.js BUCKET ENDPOINT`: makes a bucket once the S3 server answers; one that is there stays as it is.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const [bucket, endpoint] = process.argv.slice(2);
const START_MS = 60_000;
const ASK_AGAIN_MS = 250;
/** What it has when there's nothing to do. */
const THERE = new Set(['BucketAlreadyOwnedByYou', 'BucketAlreadyExists']);

const secret = (name) => readFileSync(`/run/secrets/s3/${name}`, 'utf8').trim();
const client = new S3Client({
  endpoint,
  region: 'us-east-1',
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId: secret('access-key-id'), secretAccessKey: secret('secret-access-key') },
});

/** The server's own refusal ends this; silence is asked again until time is up. */
async function make(deadline) {
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (THERE.has(error.name)) return;
    if (error.$response !== undefined || performance.now() > deadline) throw error;
    await delay(ASK_AGAIN_MS);
    await make(deadline);
  }
}

await make(performance.now() + START_MS);
