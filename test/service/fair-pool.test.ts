import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { itemRange } from '../../packages/tape/src/layout.ts';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { publishedNames } from '../harness/destination.ts';
import { roomyFolder } from '../harness/roomy-folder.ts';
import { makeSparseFiles } from '../harness/sparse-files.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type Server, Service } from './processes.ts';
import { SLOWEST, scatterBytes } from './slow-volume.ts';

const KINDS = ['a', 'b', 'c', 'd'];
const EXPORTS = 20;
const LARGE_ITEMS = 5_000;
const SMALL_ITEMS = 10;
/** From the request to the last key and byte of a cancelled export; 1.8 s were measured with 9,998 items. */
const GONE_MS = 5_000;
const MIB = 2 ** 20;

/** The tape is a little longer than its files: headers stand before them. */
const bytesOf = (items: number) => itemRange(items - 1).end - MIB;

/** Frames of the large volume that aren't holes, more than are packed here: a hole takes no time at all. */
const SOLID_FRAMES = 10_000;

describe('a pool that many exports share', function () {
  this.timeout(300_000);
  let temp: TempFolder;
  let ram: TempFolder;
  let service: Service;
  let server: Server;

  before(async () => {
    temp = await tempFolder('fair');
    // Nobody waits here for a disk to take five thousand small files.
    ram = await roomyFolder(4 * LARGE_ITEMS);
    const volumes: Record<string, string> = {};
    for (const [seed, kind] of KINDS.entries()) {
      volumes[kind] = join(temp.path, kind);
      makeRandomTree(volumes[kind], { seed, bytes: 70e6, files: 100 });
    }
    for (const [name, items] of Object.entries({ large: LARGE_ITEMS, small: SMALL_ITEMS })) {
      volumes[name] = join(temp.path, name);
      makeSparseFiles(volumes[name], bytesOf(items));
    }
    scatterBytes(join(volumes.large, 'hole-0'), SOLID_FRAMES);
    service = await Service.start({ volumes, destinations: { ram: ram.path } });
    server = await service.serve();
    await service.work();
  });
  after(async () => {
    const { exitCodes, left } = await service.stop();
    await service[Symbol.asyncDispose]();
    await ram[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
    assert.deepEqual(exitCodes, [0, 143, 143, 143, 143]);
    assert.deepEqual(left, []);
  });

  it('completes an export of ten items behind one of 5,000, which then goes without a trace', async () => {
    // At its highest level a frame takes so long that one worker plans them all long before it has packed many.
    const request = { volume: 'large', destination: 'ram', name: 'large', level: SLOWEST };
    const large = await server.api.create(request);
    const planned = await server.api.until(large, ({ progress }) => progress.planned);
    assert.equal(planned.progress.items, LARGE_ITEMS);
    assert.ok(planned.progress.doneItems < LARGE_ITEMS / 2);
    await service.workers(3);
    const { progress: before } = await server.api.get(large);
    const small = await server.api.create({ volume: 'small', destination: 'bucket', name: 'small' });
    const { progress } = await server.api.untilPhase(small, 'Completed');
    assert.equal(progress.items, SMALL_ITEMS);
    const { progress: ofLarge, phase } = await server.api.get(large);
    assert.equal(phase, 'Packing');
    console.log(`      meanwhile ${ofLarge.doneItems - before.doneItems} of the large one's items`);
    assert.ok(ofLarge.doneItems < LARGE_ITEMS / 2, `${ofLarge.doneItems} items of the large one`);
    const asked = performance.now();
    await server.api.act(large, 'cancel');
    await server.api.untilPhase(large, 'Cancelled');
    await service.settled();
    const took = performance.now() - asked;
    console.log(`      gone ${Math.round(took)} ms after the request`);
    assert.ok(took < GONE_MS, `it took ${took} ms`);
    assert.deepEqual(await readdir(ram.path), []);
    assert.deepEqual(await service.keys(), []);
  });

  it('completes all of twenty at once over four workers, and equal volumes give equal archives', async () => {
    const names = Array.from({ length: EXPORTS }, (_, at) => `${KINDS[at % KINDS.length]}-${at}`);
    const ids = await Promise.all(
      names.map((name) => server.api.create({ volume: name[0], destination: 'bucket', name })),
    );
    for (const id of ids) {
      const { progress, result } = await server.api.untilPhase(id, 'Completed');
      assert.deepEqual([progress.packs, progress.doneItems, progress.retries], [2, 2, 0]);
      assert.deepEqual(result?.drift, { count: 0 });
    }
    await service.settled();
    const digests = await Promise.all(names.map((name) => service.sha256(`${name}.tar.zst`)));
    for (const kind of KINDS) {
      const own = digests.filter((_, at) => names[at].startsWith(kind));
      assert.deepEqual(own, Array(EXPORTS / KINDS.length).fill(own[0]));
    }
    assert.equal(new Set(digests).size, KINDS.length);
    assert.deepEqual(await service.bucket.contents(), ['small', ...names].flatMap(publishedNames).sort());
    assert.deepEqual(await service.keys(), []);
  });
});
