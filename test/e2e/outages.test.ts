import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { bucketDestination, directoryDestination, publishedNames } from '../harness/destination.ts';
import { largeVolume } from '../harness/large-volume.ts';
import { type Longshore, runExport, startExport } from '../harness/longshore.ts';
import { processesLeft } from '../harness/processes-of.ts';
import { type Phase, privateRedis, QueueView } from '../harness/queue-view.ts';
import { keysOfExports, SharedPool, stopped } from '../harness/shared-pool.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { startS3 } from '../harness/versitygw.ts';

/** How long a server is away: so long that what it's asked for fails at least once. */
const AWAY_MS = 1_500;

describe('an export goes on', () => {
  let volume: TempFolder;
  let expected: string;

  before(async () => {
    volume = await largeVolume();
    await using destination = await directoryDestination();
    const args = ['--name', 'archive'];
    const { exitCode, stderr } = await runExport(volume.path, destination.uri, { args });
    assert.equal(exitCode, 0, stderr);
    expected = await destination.sha256('archive.tar.zst');
  });

  after(() => volume[Symbol.asyncDispose]());

  it('when its private Redis is killed, again and again', async () => {
    await using destination = await directoryDestination();
    await using temp = await tempFolder('tmp');
    const env = { TMPDIR: temp.path };
    await using exporting = startExport(volume.path, destination.uri, { args: ['--name', 'archive'], env });
    using view = new QueueView(await privateRedis(temp.path));
    for (const phase of ['planning', 'packing', 'finalizing'] as const) {
      await view.reached(phase);
      kill(exporting.redis());
    }
    assert.equal((await exporting.finished).exitCode, 0, (await exporting.finished).stderr);
    assert.equal(await destination.sha256('archive.tar.zst'), expected);
    assert.deepEqual(await destination.contents(), publishedNames('archive'));
    assert.deepEqual(await processesLeft(temp.path, 1_000), []);
    assert.deepEqual(await readdir(temp.path), []);
  }).timeout(300_000);

  for (const phase of ['packing', 'finalizing'] as const) {
    it(`when the Redis that it shares with others is killed while ${phase}`, async () => {
      await using destination = await directoryDestination();
      await using pool = await SharedPool.start(volume.path, destination);
      const exporting = await withWorkers(pool, phase);
      await pool.redis.kill();
      await delay(AWAY_MS);
      await pool.redis.restart();
      await assertWhole(pool, exporting);
    }).timeout(300_000);

    it(`when the S3 server is killed while ${phase}`, async () => {
      await using s3 = await startS3();
      await using destination = await bucketDestination(s3);
      await using pool = await SharedPool.start(volume.path, destination);
      const exporting = await withWorkers(pool, phase);
      await s3.kill();
      await delay(AWAY_MS);
      await s3.restart();
      await assertWhole(pool, exporting);
    }).timeout(300_000);
  }

  /** Starts an export with two workers, and waits until they are in a phase. */
  async function withWorkers(pool: SharedPool, phase: Phase): Promise<Longshore> {
    const exporting = pool.export();
    for (let worker = 0; worker < 2; worker++) pool.work({ lock: 5 });
    await pool.view.reached(phase);
    return exporting;
  }

  async function assertWhole(pool: SharedPool, exporting: Longshore): Promise<void> {
    assert.equal(await pool.digest(exporting), expected);
    assert.deepEqual(await pool.destination.contents(), publishedNames('archive'));
    assert.deepEqual(await keysOfExports(pool.view), []);
    for (const worker of pool.workers) assert.equal((await stopped(worker, 'SIGTERM')).exitCode, 143);
    assert.deepEqual(await readdir(pool.temp.path), []);
  }
});

function kill(pid: number | undefined): void {
  assert.ok(pid, 'there is no private Redis');
  process.kill(pid, 'SIGKILL');
}
