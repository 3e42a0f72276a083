import assert from 'node:assert/strict';
import { StoreError } from '../src/error.ts';
import { deleteMarked, putMarked } from '../src/marked-folder.ts';
import { MemoryStore } from '../src/memory.ts';

const FOLDER = { prefix: 'work/x/', marker: 'work/x/order' };
const body = { bytes: 1, chunks: [Buffer.from('b')] };
const late = {
  marker: FOLDER.marker,
  objects: ['work/x/late', 'work/x/later'].map((key) => ({ key, body })),
};

describe('a folder that lives as long as its marker', () => {
  let store: MemoryStore;
  const keys = async () => (await Array.fromAsync(store.list(''))).map(({ key }) => key);

  beforeEach(async () => {
    store = new MemoryStore();
    await store.put(FOLDER.marker, body);
    await store.put('work/y/order', body);
  });

  it('takes what is written while the marker is there, and goes with all of it', async () => {
    await putMarked(store, late);
    assert.deepEqual(await keys(), ['work/x/late', 'work/x/later', 'work/x/order', 'work/y/order']);
    await deleteMarked(store, FOLDER);
    assert.deepEqual(await keys(), ['work/y/order']);
  });

  it('keeps nothing that is written later', async () => {
    await deleteMarked(store, FOLDER);
    await assert.rejects(putMarked(store, late), { code: 'NOT_FOUND' });
    assert.deepEqual(await keys(), ['work/y/order']);
  });

  it('keeps nothing of a late writer that was told to stop while it wrote', async () => {
    const controller = new AbortController();
    const { put } = store;
    store.put = async (...args) => {
      await put.apply(store, args);
      await deleteMarked(store, FOLDER);
      await put.apply(store, args);
      controller.abort(new Error('the lock was lost'));
      throw controller.signal.reason;
    };
    await assert.rejects(putMarked(store, late, { signal: controller.signal }), { code: 'NOT_FOUND' });
    assert.deepEqual(await keys(), ['work/y/order']);
  });

  it('keeps nothing of a late writer whose second object is refused', async () => {
    const { put } = store;
    store.put = async (...args) => {
      if (args[0] === 'work/x/later') throw new StoreError('UNAVAILABLE', 'not now');
      return put.apply(store, args);
    };
    await deleteMarked(store, FOLDER);
    await assert.rejects(putMarked(store, late), { code: 'NOT_FOUND' });
    assert.deepEqual(await keys(), ['work/y/order']);
  });

  it('leaves an object that was there before, where one of the same key is refused', async () => {
    await putMarked(store, late);
    await assert.rejects(putMarked(store, late, { ifAbsent: true }), { code: 'ALREADY_EXISTS' });
    assert.deepEqual(await keys(), ['work/x/late', 'work/x/later', 'work/x/order', 'work/y/order']);
  });
});
