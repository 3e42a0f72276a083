// Standard input into one object, as `s5cmd pipe` does it and with its defaults: parts of 50 MB, five at a time.
//
//     tar -cf - . | zstd | node bench/pipe-to-s3.ts BUCKET KEY
import {
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

const PART_BYTES = 50 * 2 ** 20;
const AT_ONCE = 5;

const [Bucket, Key] = process.argv.slice(2);
// Address, region and credentials come from AWS's own environment variables.
const client = new S3Client({ forcePathStyle: true });
const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));

const parts: CompletedPart[] = [];
const inFlight = new Set<Promise<void>>();

async function upload(PartNumber: number, chunks: readonly Buffer[]) {
  const Body = Buffer.concat(chunks);
  const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
  parts[PartNumber - 1] = { PartNumber, ETag };
}

/** Starts an upload once there's room for one more; a failed one rejects here or at the end. */
async function begin(number: number, chunks: readonly Buffer[]) {
  while (inFlight.size >= AT_ONCE) await Promise.race(inFlight);
  const running = upload(number, chunks).finally(() => inFlight.delete(running));
  inFlight.add(running);
}

let chunks: Buffer[] = [];
let bytes = 0;
let number = 1;
for await (const chunk of process.stdin) {
  chunks.push(chunk);
  bytes += chunk.length;
  if (bytes < PART_BYTES) continue;
  await begin(number++, chunks);
  chunks = [];
  bytes = 0;
}
await begin(number, chunks);
await Promise.all(inFlight);
await client.send(
  new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts: parts } }),
);
client.destroy();
