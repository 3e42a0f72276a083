import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { isLongshoreError, type Order, workArea } from '@longshore/shared';
import { MemoryStore } from '@longshore/store';
import { type TempFolder, tempFolder } from '../../../test/harness/temp.ts';
import { type DurableSegment, planVolume } from '../src/plan/plan-volume.ts';
import { orderOf, putOrder } from './orders.ts';
import { ITEM, SparseVolume } from './sparse-volume.ts';

const isCode = (code: string) => (error: unknown) => isLongshoreError(error) && error.code === code;

describe('planning a volume', () => {
  let temp: TempFolder;
  let volume: SparseVolume;
  let store: MemoryStore;
  let order: Order;
  let folders = 0;

  beforeEach(async () => {
    temp = await tempFolder('plan-volume');
    volume = new SparseVolume(join(temp.path, 'volume'));
    store = new MemoryStore();
    order = await putOrder(store, orderOf(volume.path));
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  function options(signal = new AbortController().signal) {
    const spool = join(temp.path, `spool-${folders++}`);
    mkdirSync(spool);
    return { order, store, volume: volume.path, spool, signal };
  }

  async function segmentsInStore(): Promise<string[]> {
    const digests: string[] = [];
    for await (const { key } of store.list(workArea(order.id).catalog)) {
      assert.equal(key, workArea(order.id).segment(digests.length));
      digests.push(
        createHash('sha256')
          .update(await buffer(await store.get(key)))
          .digest('hex'),
      );
    }
    return digests;
  }

  const planAll = (): Promise<DurableSegment[]> => Array.fromAsync(planVolume(options()));
  const digests = (segments: readonly DurableSegment[]) => segments.map(({ digest }) => digest);

  it('leaves every item’s segment in the work area, as it says, and nothing in the spool', async () => {
    volume.file('a', 3 * ITEM).file('b');
    const at = options();
    const segments = await Array.fromAsync(planVolume(at));
    assert.deepEqual(await segmentsInStore(), digests(segments));
    assert.deepEqual(
      segments.map(({ item, last }) => [item, last]),
      [
        [0, false],
        [1, false],
        [2, false],
        [3, true],
      ],
    );
    assert.deepEqual(await readdir(at.spool), []);
  });

  it('yields an item once its segment is durable', async () => {
    volume.file('a', 12 * ITEM);
    let yielded = 0;
    for await (const { digest } of planVolume(options())) {
      assert.equal((await segmentsInStore())[yielded++], digest);
    }
  });

  it('goes on where another one was stopped, and yields its items again', async () => {
    volume.file('a', 4 * ITEM).file('b', 4 * ITEM);
    const stopped: DurableSegment[] = [];
    for await (const segment of planVolume(options())) {
      stopped.push(segment);
      if (stopped.length === 3) break;
    }
    const all = await planAll();
    assert.deepEqual(all.slice(0, 3), stopped);
    assert.deepEqual(await segmentsInStore(), digests(all));
    assert.ok(all.at(-1)?.last);
  });

  it('yields the same again when all of it is done', async () => {
    volume.file('a', 2 * ITEM);
    assert.deepEqual(await planAll(), await planAll());
  });

  it('makes one set of segments where two planners are at work', async () => {
    for (let n = 0; n < 12; n++) volume.file(`f${n}`, ITEM / 2 + n * 512);
    const planners = await Promise.allSettled([planAll(), planAll(), planAll()]);
    const inStore = await segmentsInStore();
    const finished = planners.filter((planner) => planner.status === 'fulfilled');
    assert.ok(finished.length > 0);
    for (const { value } of finished) assert.deepEqual(digests(value), inStore);
    for (const planner of planners)
      if (planner.status === 'rejected') assert.ok(isCode('PLAN_OVERTAKEN')(planner.reason), planner.reason);
  });

  it('gives way to a planner that made another segment', async () => {
    volume.file('a', 3 * ITEM);
    const planning = planVolume(options());
    await planning.next();
    await store.put(workArea(order.id).segment(1), { bytes: 5, chunks: [Buffer.from('other')] });
    await assert.rejects(planning.next(), isCode('PLAN_OVERTAKEN'));
  });

  it('refuses a segment in the store that is damaged', async () => {
    await store.put(workArea(order.id).segment(0), { bytes: 5, chunks: [Buffer.from('other')] });
    await assert.rejects(planAll(), isCode('CORRUPT'));
  });

  it('says what is wrong in the thread that walks', async () => {
    const missing = { ...options(), volume: join(temp.path, 'nowhere') };
    await assert.rejects(planVolume(missing).next(), isCode('VOLUME_MISSING'));
  });

  it('refuses to go on with another volume in the place of the one that it began with', async () => {
    volume.file('a', 2 * ITEM);
    await planVolume(options()).next();
    renameSync(volume.path, join(temp.path, 'elsewhere'));
    new SparseVolume(volume.path).file('other');
    await assert.rejects(planAll(), isCode('VOLUME_GONE'));
  });

  it('leaves nothing of an export that ended meanwhile', async () => {
    volume.file('a', 3 * ITEM);
    const planning = planVolume(options());
    await planning.next();
    const { root } = workArea(order.id);
    for await (const { key } of store.list(root)) await store.delete([key]);
    await assert.rejects(planning.next(), isCode('NOT_FOUND'));
    assert.deepEqual(await Array.fromAsync(store.list(root)), []);
  });

  it('ends with the signal’s reason', async () => {
    volume.file('a', 40 * ITEM);
    const controller = new AbortController();
    const planning = planVolume(options(controller.signal));
    await planning.next();
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(Array.fromAsync(planning), (error) => error === reason || isCode('ABORTED')(error));
  });

  it('starts no thread, which nobody would end, where the signal was aborted before', async () => {
    let started = 0;
    const count = () => started++;
    process.on('worker', count);
    try {
      const reason = new Error('over');
      const planning = Array.fromAsync(planVolume(options(AbortSignal.abort(reason))));
      await assert.rejects(planning, reason);
      assert.equal(started, 0);
    } finally {
      process.off('worker', count);
    }
  });

  it('takes as much memory for many files as for few', async () => {
    makeFiles(20_000);
    await growth();
    const few = await growth();
    makeFiles(200_000);
    const many = await growth();
    assert.ok(many - few < 48, `${many} MiB against ${few}`);
  }).timeout(300_000);

  function makeFiles(count: number): void {
    for (let n = 0; n < count; n++) {
      const directory = join(volume.path, `directory-${count}-${n % 50}`);
      if (n < 50) mkdirSync(directory);
      closeSync(openSync(join(directory, `file-${n}.dat`), 'w'));
    }
  }

  /** Plans the volume anew; gives the MiB that this process took at most, beside what it had. */
  async function growth(): Promise<number> {
    order = await putOrder(store, orderOf(volume.path));
    const before = process.memoryUsage.rss();
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage.rss());
    }, 5);
    await planAll().finally(() => clearInterval(timer));
    return Math.round((peak - before) / 2 ** 20);
  }
});
