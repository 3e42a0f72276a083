import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { publishedNames } from '../harness/destination.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type Server, Service } from './processes.ts';
import { makeSlowVolume, SLOWEST } from './slow-volume.ts';

const ITEMS = 8;

/** From the request to the last key and byte of a cancelled export. */
const GONE_MS = 5_000;

const LOOK_AGAIN_MS = 20;

describe('an export in a service of real processes', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let service: Service;
  let server: Server;

  before(async () => {
    temp = await tempFolder('wishes');
    const volume = join(temp.path, 'volume');
    makeSlowVolume(volume, { items: ITEMS });
    service = await Service.start({ volumes: { data: volume } });
    server = await service.serve();
    await service.workers(2);
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143, 143]);
    assert.deepEqual(left, []);
  });

  /** Requests an export, and waits until something of it is packed. */
  async function begun(destination: 'bucket' | 'folder', name: string): Promise<string> {
    const id = await server.api.create({ volume: 'data', destination, name, level: SLOWEST });
    await server.api.until(id, ({ progress }) => progress.doneItems >= 2);
    return id;
  }

  it('rests while it is suspended, and goes on where it was', async () => {
    const id = await begun('bucket', 'suspended');
    await server.api.act(id, 'suspend');
    const { progress } = await server.api.untilPhase(id, 'Suspended');
    assert.ok(progress.doneItems >= 2 && progress.doneItems < ITEMS);
    assert.deepEqual(await service.view.active(), []);
    const kept = (await service.keys()).map((key) => key.slice(key.lastIndexOf(':') + 1));
    assert.deepEqual(kept, ['counters', 'done', 'samples']);
    assert.ok((await service.bucket.contents()).some((name) => name.startsWith('upload of ')));
    await server.api.act(id, 'resume');
    const done = await server.api.untilPhase(id, 'Completed');
    assert.deepEqual([done.progress.doneItems, done.progress.packs], [ITEMS, ITEMS]);
    await service.settled();
    assert.deepEqual(await service.bucket.contents(), publishedNames('suspended'));
    assert.deepEqual(await service.keys(), []);
  });

  for (const destination of ['bucket', 'folder'] as const) {
    it(`goes without a trace from a ${destination} when it is cancelled, and may be begun anew`, async () => {
      const contents = () => (destination === 'bucket' ? service.bucket.contents() : namesIn(service.folder));
      const before = await contents();
      const id = await begun(destination, 'cancelled');
      const asked = performance.now();
      await server.api.act(id, 'cancel');
      const isGone = async () =>
        (await contents()).length === before.length && (await service.keys()).length === 0;
      while (!(await isGone())) await delay(LOOK_AGAIN_MS);
      const took = performance.now() - asked;
      console.log(`      gone ${Math.round(took)} ms after the request`);
      assert.ok(took < GONE_MS, `it took ${took} ms`);
      assert.deepEqual(await contents(), before);
      assert.equal((await server.api.untilPhase(id, 'Cancelled')).retried, 0);
      await server.api.act(id, 'retry');
      const { progress, retried } = await server.api.untilPhase(id, 'Completed');
      assert.deepEqual([retried, progress.packs], [1, ITEMS]);
      await service.settled();
      assert.deepEqual(await contents(), [...publishedNames('cancelled'), ...before]);
    });
  }
});

/** Every file and folder below one, sorted; looked for again where one goes meanwhile. */
async function namesIn(folder: string): Promise<string[]> {
  for (;;) {
    try {
      return (await readdir(folder, { recursive: true })).sort();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}
