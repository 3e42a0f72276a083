import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { exportKeys, QUEUE } from '@longshore/shared';
import { publishedNames } from '../harness/destination.ts';
import type { Longshore } from '../harness/longshore.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type Server, Service } from './processes.ts';
import { makeSlowVolume, SLOWEST } from './slow-volume.ts';

const ITEMS = 36;

/** What a worker has at a time, with one thread. */
const JOBS_EACH = 3;

/** A job that nobody hands back waits for longer than any test here. */
const LOCK_S = 240;

/** Beside its grace, what a worker takes to hand its jobs back, and to leave; on a machine that is busy. */
const LEAVE_MS = 10_000;

const LOOK_AGAIN_MS = 20;

describe('a service whose parts come and go while it exports', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: Service;
  let server: Server;
  let undisturbed: string;
  let exports = 0;

  before(async () => {
    temp = await tempFolder('comings');
    const volume = join(temp.path, 'volume');
    makeSlowVolume(volume, { items: ITEMS });
    service = await Service.start({ volumes: { data: volume } });
    server = await service.serve();
    await service.workers(2, { lock: LOCK_S });
    undisturbed = await exported(async () => undefined);
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143, 143]);
    assert.deepEqual(left, []);
  });

  /** Exports the volume while `disturb` is at work; its archive's digest, once everything else of it is gone. */
  async function exported(disturb: (id: string) => Promise<void>): Promise<string> {
    const name = `export-${++exports}`;
    const id = await server.api.create({ volume: 'data', destination: 'bucket', name, level: SLOWEST });
    await server.api.until(id, ({ progress }) => progress.planned && progress.doneItems >= 2);
    await disturb(id);
    const { progress } = await server.api.untilPhase(id, 'Completed');
    console.log(`      ${progress.retries} items were taken again`);
    assert.deepEqual([progress.items, progress.doneItems, progress.packs], [ITEMS, ITEMS, ITEMS]);
    await service.settled();
    const names = Array.from({ length: exports }, (_, at) => publishedNames(`export-${at + 1}`));
    assert.deepEqual(await service.bucket.contents(), names.flat().sort());
    assert.deepEqual(await service.keys(), []);
    return service.sha256(`${name}.tar.zst`);
  }

  /** Tells a worker to end; asserts that it does so in time. */
  async function dismiss(worker: Longshore, { graceMs }: { graceMs: number }): Promise<number> {
    const told = performance.now();
    worker.kill('SIGTERM');
    const { exitCode, stderr } = await worker.finished;
    const took = performance.now() - told;
    assert.equal(exitCode, 143, stderr);
    assert.ok(took < graceMs + LEAVE_MS, `it took ${took} ms`);
    return Math.round(took);
  }

  it('loses no time and no byte to workers that are added, and told to leave', async () => {
    const digest = await exported(async (id) => {
      // Nothing is finished while the new ones start, however long that takes.
      service.s3.freeze();
      const patient = await service.workers(2, { lock: LOCK_S, grace: 20 });
      const hasty = await service.workers(2, { lock: LOCK_S, grace: 0 });
      await service.busy(6 * JOBS_EACH);
      const { doneItems } = (await server.api.get(id)).progress;
      service.s3.thaw();
      await server.api.until(id, ({ progress }) => progress.doneItems >= doneItems + JOBS_EACH);
      const took = await Promise.all([
        ...patient.map((worker) => dismiss(worker, { graceMs: 20_000 })),
        ...hasty.map((worker) => dismiss(worker, { graceMs: 0 })),
      ]);
      const { progress } = await server.api.get(id);
      assert.ok(progress.doneItems < ITEMS);
      console.log(
        `      four left after ${took.join(', ')} ms, ${ITEMS - progress.doneItems} items before the end`,
      );
    });
    assert.equal(digest, undisturbed);
  });

  it('goes on without its producer, which is killed, and tells of it when another one is there', async () => {
    let watch: Longshore | undefined;
    const digest = await exported(async (id) => {
      watch = service.client(['watch', id, '--json'], server);
      await watch.progress(({ doneItems }) => doneItems >= 2);
      server.process.kill('SIGKILL');
      await server.process.finished;
      const { counters } = exportKeys(QUEUE, id);
      const done = async () => Number(await service.view.redis.hget(counters, 'doneItems'));
      const before = await done();
      while ((await done()) < before + 4) await delay(LOOK_AGAIN_MS);
      server = await service.serve(server.port);
      assert.ok((await server.api.get(id)).progress.doneItems < ITEMS);
    });
    const { exitCode, stdout, stderr } = await watch!.finished;
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /Trying again\./);
    assert.equal(JSON.parse(stdout).phase, 'Completed');
    assert.equal(digest, undisturbed);
    assert.equal((await server.api.list()).length, exports);
  });

  it('waits for a Redis that is killed, and goes on where it was', async () => {
    const digest = await exported(async (id) => {
      await service.busy(2 * JOBS_EACH);
      await service.redis.kill();
      while (await server.api.isReady()) await delay(LOOK_AGAIN_MS);
      await service.redis.restart();
      while (!(await server.api.isReady())) await delay(LOOK_AGAIN_MS);
      assert.ok((await server.api.get(id)).progress.doneItems < ITEMS);
    });
    assert.equal(digest, undisturbed);
  });
});
