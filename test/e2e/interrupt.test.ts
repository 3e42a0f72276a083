import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import {
  bucketDestination,
  type Destination,
  type DestinationKind,
  directoryDestination,
  publishedNames,
} from '../harness/destination.ts';
import { largeVolume } from '../harness/large-volume.ts';
import { type Longshore, runExport, startExport } from '../harness/longshore.ts';
import { processesLeft, processesOf } from '../harness/processes-of.ts';
import { privateRedis, QueueView } from '../harness/queue-view.ts';
import { keysOfExports, SharedPool, stopped } from '../harness/shared-pool.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';

/** How soon an interrupted command is to be over, and orphaned processes are to be gone. */
const SOON_MS = 5_000;

/** A worker's grace of a second, and what handing its jobs back takes at most. */
const LEAVE_MS = 12_000;

describe('an export that is interrupted', () => {
  let volume: TempFolder;
  let s3: S3Server;
  let expected: string;

  before(async () => {
    volume = await largeVolume();
    s3 = await startS3();
    await using destination = await directoryDestination();
    const { exitCode, stderr } = await runExport(volume.path, destination.uri, {
      args: ['--name', 'archive'],
    });
    assert.equal(exitCode, 0, stderr);
    expected = await destination.sha256('archive.tar.zst');
  });

  after(async () => {
    await s3.stop();
    await volume[Symbol.asyncDispose]();
  });

  const kinds: readonly DestinationKind[] = [
    { name: 'S3', open: () => bucketDestination(s3) },
    { name: 'a directory', open: directoryDestination },
  ];

  function exportWithin(temp: TempFolder, destination: Destination): Longshore {
    return startExport(volume.path, destination.uri, {
      args: ['--name', 'archive'],
      env: { ...destination.env, TMPDIR: temp.path },
    });
  }

  async function assertInterrupted(exporting: Longshore, signal: NodeJS.Signals): Promise<void> {
    const before = performance.now();
    const { exitCode, stdout, stderr } = await stopped(exporting, signal);
    const elapsed = performance.now() - before;
    assert.equal(exitCode, 130, stderr);
    assert.match(stderr, /^longshore: Interrupted by SIG/m);
    assert.equal(stdout, '');
    assert.ok(elapsed < SOON_MS, `it took ${Math.round(elapsed)} ms`);
  }

  for (const { name, open } of kinds) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      it(`by ${signal}, to ${name}, leaves nothing`, async () => {
        await using destination = await open();
        await using temp = await tempFolder('tmp');
        await using exporting = exportWithin(temp, destination);
        await exporting.progress(({ doneItems }) => doneItems >= 1);
        await assertInterrupted(exporting, signal);
        assert.deepEqual(await destination.contents(), []);
        assert.deepEqual(await processesLeft(temp.path, 0), []);
        assert.deepEqual(await readdir(temp.path), []);
      }).timeout(300_000);
    }

    it(`by SIGINT, to ${name}, leaves nothing with other workers and in their Redis`, async () => {
      await using destination = await open();
      await using pool = await SharedPool.start(volume.path, destination);
      const workers = [pool.work({ lock: 30 }), pool.work({ lock: 30 })];
      const exporting = pool.export();
      await exporting.progress(({ doneItems }) => doneItems >= 1);
      const id = await pool.view.exportId();
      assert.ok((await pool.view.keys()).some((key) => key.includes(id)));
      await assertInterrupted(exporting, 'SIGINT');
      assert.deepEqual(await keysOfExports(pool.view), []);
      assert.deepEqual(await destination.contents(), []);
      for (const worker of workers) assert.equal((await stopped(worker, 'SIGTERM')).exitCode, 143);
      assert.deepEqual(await readdir(pool.temp.path), []);
      assert.deepEqual(await destination.contents(), []);
    }).timeout(300_000);
  }

  for (const phase of ['planning', 'packing', 'finalizing'] as const) {
    it(`by SIGINT while ${phase}, leaves nothing`, async () => {
      await using destination = await bucketDestination(s3);
      await using temp = await tempFolder('tmp');
      await using exporting = exportWithin(temp, destination);
      using view = new QueueView(await privateRedis(temp.path));
      await view.reached(phase);
      await assertInterrupted(exporting, 'SIGINT');
      assert.deepEqual(await destination.contents(), []);
      assert.deepEqual(await readdir(temp.path), []);
    }).timeout(300_000);
  }

  it('by SIGINT while its Redis is away, is over as soon and leaves nothing in the store', async () => {
    await using destination = await directoryDestination();
    await using pool = await SharedPool.start(volume.path, destination);
    const exporting = pool.export();
    pool.work();
    await exporting.progress(({ doneItems }) => doneItems >= 1);
    await pool.redis.kill();
    await assertInterrupted(exporting, 'SIGINT');
    await Promise.all(pool.workers.map((worker) => stopped(worker, 'SIGKILL')));
    assert.deepEqual(await destination.contents(), []);
  }).timeout(300_000);

  describe('by SIGKILL of the command', () => {
    it('takes its workers, its Redis and its temporary files with it', async () => {
      await using destination = await directoryDestination();
      await using temp = await tempFolder('tmp');
      await using exporting = exportWithin(temp, destination);
      await exporting.progress(({ doneItems }) => doneItems >= 1);
      assert.equal(processesOf(temp.path).length, 4);
      await stopped(exporting, 'SIGKILL');
      assert.deepEqual(await processesLeft(temp.path, SOON_MS), []);
      assert.deepEqual(await readdir(temp.path), []);
    }).timeout(300_000);

    it('does so too while workers are still starting', async () => {
      await using destination = await directoryDestination();
      await using temp = await tempFolder('tmp');
      await using exporting = exportWithin(temp, destination);
      await privateRedis(temp.path);
      await stopped(exporting, 'SIGKILL');
      assert.deepEqual(await processesLeft(temp.path, SOON_MS), []);
      assert.deepEqual(await readdir(temp.path), []);
    }).timeout(300_000);
  });

  describe("by its workers' end", () => {
    it('goes on at once elsewhere when one is told to leave in the middle of an item', async () => {
      await using destination = await bucketDestination(s3);
      await using pool = await SharedPool.start(volume.path, destination);
      // A lock that a dead worker's jobs would wait for longer than the test may take.
      const leaving = pool.work({ lock: 600, grace: 1 });
      const exporting = pool.export();
      await pool.view.reached('packing');
      s3.freeze();
      const { exitCode, elapsed } = await timed(() => stopped(leaving, 'SIGTERM'));
      s3.thaw();
      assert.equal(exitCode, 143);
      assert.ok(elapsed >= 1_000 && elapsed < LEAVE_MS, `it left after ${Math.round(elapsed)} ms`);
      assert.deepEqual(await spoolsIn(pool.temp), []);
      pool.work({ lock: 600 });
      assert.equal(await pool.digest(exporting), expected);
      assert.deepEqual(await keysOfExports(pool.view), []);
    }).timeout(300_000);

    it('goes on when all are stopped and others are started, however they were stopped', async () => {
      await using destination = await directoryDestination();
      await using pool = await SharedPool.start(volume.path, destination);
      const exporting = pool.export();
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        const workers = [pool.work(), pool.work()];
        await pool.view.reached('packing');
        await Promise.all(workers.map((worker) => stopped(worker, signal)));
      }
      const last = pool.work();
      assert.equal(await pool.digest(exporting), expected);
      assert.deepEqual(await destination.contents(), publishedNames('archive'));
      assert.deepEqual(await keysOfExports(pool.view), []);
      await stopped(last, 'SIGTERM');
      // A killed worker's folder went when the next one started.
      assert.deepEqual(await readdir(pool.temp.path), []);
    }).timeout(300_000);
  });
});

async function spoolsIn({ path }: TempFolder): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.startsWith('longshore-worker-'));
}

async function timed<T extends object>(act: () => Promise<T>): Promise<T & { elapsed: number }> {
  const before = performance.now();
  const result = await act();
  return { ...result, elapsed: performance.now() - before };
}
