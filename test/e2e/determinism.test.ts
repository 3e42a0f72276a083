import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import {
  bucketDestination,
  type DestinationKind,
  directoryDestination,
  publishedNames,
} from '../harness/destination.ts';
import { largeVolume } from '../harness/large-volume.ts';
import { runExport } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';

describe("an archive's bytes", () => {
  let volume: TempFolder;
  let s3: S3Server;
  const digests = new Map<string, string>();

  before(async () => {
    volume = await largeVolume();
    s3 = await startS3();
  });

  after(async () => {
    await s3.stop();
    await volume[Symbol.asyncDispose]();
  });

  const kinds: readonly DestinationKind[] = [
    { name: 'S3', open: () => bucketDestination(s3) },
    { name: 'a directory', open: directoryDestination },
  ];

  for (const kind of kinds) {
    for (const workers of [1, 2, 5]) {
      it(`to ${kind.name}, by ${workers} workers, leaving nothing but them`, async () => {
        await using destination = await kind.open();
        await using temp = await tempFolder('tmp');
        const finished = await runExport(volume.path, destination.uri, {
          args: ['--name', 'archive', '--workers', String(workers), '--threads', '1'],
          env: { ...destination.env, TMPDIR: temp.path },
        });
        assert.equal(finished.exitCode, 0, finished.stderr);
        assert.deepEqual(await destination.contents(), publishedNames('archive'));
        assert.deepEqual(await readdir(temp.path), []);
        digests.set(`${kind.name}, ${workers}`, await destination.sha256('archive.tar.zst'));
      }).timeout(300_000);
    }
  }

  it('are always the same', () => {
    assert.equal(digests.size, 6);
    assert.equal(new Set(digests.values()).size, 1, JSON.stringify([...digests]));
  });
});
