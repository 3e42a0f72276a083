import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { bucketDestination } from '../harness/destination.ts';
import { type Finished, runExport, startExport } from '../harness/longshore.ts';
import { Mounts } from '../harness/mounts.ts';
import { processesLeft } from '../harness/processes-of.ts';
import { assertOneLine } from '../harness/refusal.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { startS3 } from '../harness/versitygw.ts';

const MIB = 2 ** 20;

const SPOOL_FULL = /^The disk .*is full.*: make room there, or choose another by .*TMPDIR/;

/** Uncompressed, so that the archive's size is known. */
const PLAIN = ['--format', 'tar', '--name', 'data', '--workers', '2', '--threads', '1'];

describe('a disk that is full', () => {
  let folder: TempFolder;
  let src: string;
  let many: string;

  before(async () => {
    folder = await tempFolder('full');
    src = join(folder.path, 'src');
    makeRandomTree(src, { seed: 7, bytes: 64 * MIB, files: 40 });
    many = join(folder.path, 'many');
    await makeManyFiles(many);
  });

  after(() => folder[Symbol.asyncDispose]());

  async function exportTo(dest: string, { from = src, temp }: { from?: string; temp: string }) {
    const finished = await runExport(from, dest, { args: PLAIN, env: { TMPDIR: temp } });
    assert.deepEqual(await processesLeft(temp, 0), []);
    return finished;
  }

  for (const { name, size, filled } of [
    { name: 'before the export begins', size: '64k', filled: 64 * 2 ** 10 },
    { name: 'during the export', size: '40m', filled: 0 },
    { name: 'during the export, for want of inodes', size: '200m,nr_inodes=14', filled: 0 },
  ]) {
    it(`is refused as a destination ${name}, and keeps nothing of it`, async () => {
      await using own = await tempFolder('destination');
      using mounts = new Mounts();
      const [disk, temp] = [join(own.path, 'disk'), join(own.path, 'temp')];
      for (const point of [disk, temp]) await mkdir(point);
      mounts.tmpfs(disk, size);
      if (filled > 0) await writeFile(join(disk, 'other'), Buffer.alloc(filled));
      const before = await readdir(disk);
      const finished = await exportTo(disk, { temp });
      assertFailed(finished, /^can't .*disk.*: the file system or a quota is full; make room and try again/);
      assert.deepEqual(await readdir(disk), before);
      assert.deepEqual(await readdir(temp), []);
    }).timeout(300_000);
  }

  for (const { name, filled } of [
    { name: 'before the export begins', filled: 300 * 2 ** 10 },
    { name: 'when the volume is planned', filled: 0 },
  ]) {
    it(`ends an export when it holds the intermediate files, ${name}`, async () => {
      await using own = await tempFolder('spool');
      using mounts = new Mounts();
      const temp = join(own.path, 'disk');
      await mkdir(temp);
      mounts.tmpfs(temp, '300k');
      if (filled > 0) await writeFile(join(temp, 'other'), Buffer.alloc(filled));
      const before = await readdir(temp);
      const dest = join(own.path, 'dest');
      const finished = await exportTo(dest, { from: many, temp });
      assertFailed(finished, SPOOL_FULL);
      assert.deepEqual(await readdir(temp), before);
      assert.deepEqual(await readdir(own.path), ['disk']);
    }).timeout(300_000);
  }

  it('ends an export whose private Redis has no room left', async () => {
    await using own = await tempFolder('spool');
    using mounts = new Mounts();
    const temp = join(own.path, 'disk');
    await mkdir(temp);
    mounts.tmpfs(temp, '8m');
    const dest = join(own.path, 'dest');
    await using longshore = startExport(src, dest, { args: PLAIN, env: { TMPDIR: temp } });
    await longshore.progress(() => true);
    await assert.rejects(writeFile(join(temp, 'other'), Buffer.alloc(8 * MIB)), { code: 'ENOSPC' });
    assertFailed(await longshore.finished, SPOOL_FULL);
    assert.deepEqual(await processesLeft(temp, 0), []);
    assert.deepEqual(await readdir(temp), ['other']);
    assert.deepEqual(await readdir(own.path), ['disk']);
  }).timeout(300_000);
});

describe('a bucket that takes nothing any more during an export', () => {
  it('ends it at once, and what cannot be removed is named', async () => {
    await using cleaning = new AsyncDisposableStack();
    const { path } = cleaning.use(await tempFolder('denied'));
    const src = join(path, 'src');
    const temp = join(path, 'temp');
    await mkdir(temp);
    makeRandomTree(src, { seed: 8, bytes: 96 * MIB, files: 20 });
    const s3 = cleaning.use(await startS3());
    const bucket = cleaning.use(await bucketDestination(s3));
    const env = { ...bucket.env, TMPDIR: temp };
    const longshore = cleaning.use(startExport(src, bucket.uri, { args: PLAIN, env }));
    await longshore.progress(({ doneItems }) => doneItems > 0);
    await s3.kill();
    const port = Number(new URL(s3.endpoint).port);
    cleaning.use(await startS3({ dir: s3.dir, port, access: 'read-only' }));
    const finished = await longshore.finished;
    assertFailed(
      finished,
      /^can't .*access denied; allow.*\. Left behind in s3:\/\/exports-.*, to be deleted: \.longshore\/x[0-9a-f]+\/? and the open upload of data\.tar/,
    );
    assert.deepEqual(await processesLeft(temp, 0), []);
    assert.deepEqual(await readdir(temp), []);
  }).timeout(300_000);
});

function assertFailed(finished: Finished, says: RegExp): void {
  assertOneLine(finished, says);
  assert.equal(finished.exitCode, 1, finished.stderr);
  assert.ok(finished.elapsed < 30_000, `it took ${finished.elapsed} ms`);
}

/** Names that don't compress: a catalog of some 600 KiB. */
async function makeManyFiles(dir: string): Promise<void> {
  await mkdir(dir);
  const random = crypto.getRandomValues.bind(crypto);
  for (let file = 0; file < 3_000; file++) {
    const name = Buffer.from(random(new Uint8Array(100))).toString('hex');
    await writeFile(join(dir, name), '');
  }
}
