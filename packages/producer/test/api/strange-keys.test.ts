import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { ExportList, ExportStatus, exportKeys, QUEUE } from '@longshore/shared';
import { created, Served } from './served.ts';

describe('an export whose workers write what they like to its keys', () => {
  let served: Served;

  before(async () => {
    served = await Served.start();
  });
  after(() => served[Symbol.asyncDispose]());

  async function running() {
    const { id } = await created(served);
    for (;;) {
      const record = await served.producer.records.get(id);
      if (record?.run) return { id, keys: exportKeys(QUEUE, record.run.id) };
      await delay(5);
    }
  }

  const progressOf = async (id: string) =>
    ExportStatus.parse(await (await served.get(`/v1/exports/${id}`)).json()).progress;

  const partsOf = (id: string) => served.producer.exports.partMap(id);

  it("is without live figures where they're of another type, and everybody else's are there", async () => {
    using view = served.view();
    const [strange, other] = [await running(), await running()];
    await view.hset(other.keys.counters, { items: 7 });
    for (const key of ['counters', 'samples'] as const) {
      await view.set(strange.keys[key], 'x');
      const answer = await served.get('/v1/exports');
      assert.equal(answer.status, 200);
      const { exports } = ExportList.parse(await answer.json());
      const items = new Map(exports.map(({ id, progress }) => [id, progress.items]));
      assert.deepEqual([items.get(strange.id), items.get(other.id)], [0, 7]);
      assert.equal((await progressOf(strange.id)).items, 0);
      await view.del(strange.keys[key]);
    }
    await view.hset(strange.keys.done, { x: 'x' });
    assert.equal((await partsOf(strange.id)).done, '');
    assert.match(await (await served.get('/metrics')).text(), /^longshore_redis_up 1$/m);
  });

  it('shows numbers that can be counters, and no others', async () => {
    using view = served.view();
    const { id, keys } = await running();
    await view.hset(keys.counters, {
      items: '-1',
      files: '1e400',
      tapeBytes: 'x',
      doneItems: '0.5',
      packs: 3,
    });
    const { items, files, tapeBytes, doneItems, packs } = await progressOf(id);
    assert.deepEqual(
      { items, files, tapeBytes, doneItems, packs },
      {
        ...{ items: 0, files: 0, tapeBytes: 0, doneItems: 0, packs: 3 },
      },
    );
    await view.lpush(keys.samples, 'x', `${Date.now()}:1e999`, `${Date.now()}`, 'NaN:NaN');
    assert.equal((await progressOf(id)).bytesPerSecond, undefined);
  });

  it('has no more of it read than belongs there', async () => {
    using view = served.view();
    const { id, keys } = await running();
    await view.setrange(keys.done, 5_000_000, 'x');
    assert.equal(Buffer.from((await partsOf(id)).done, 'base64').length, 1_250);
  });
});
