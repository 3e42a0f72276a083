import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type S3Server, startS3 } from '../../../test/harness/versitygw.ts';
import { describeStore } from '../src/contract.ts';
import { S3Store } from '../src/index.ts';

describe('S3Store on versitygw', () => {
  let s3: S3Server;
  let count = 0;
  let bucket: string;

  before(async () => {
    s3 = await startS3();
  });

  after(() => s3.stop());

  const open = async () => {
    bucket = await s3.bucket(`bucket-${++count}`);
    return S3Store.open(`s3://${bucket}/some/prefix`, {
      endpoint: s3.endpoint,
      credentials: s3.credentials,
      region: s3.region,
    });
  };

  describeStore('S3Store', open, { leftovers: () => filesIn(join(s3.dir, bucket)) });
});

/** What the server keeps for a bucket, its objects and uploads; its own folders stay. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
}
