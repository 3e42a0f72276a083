import assert from 'node:assert/strict';
import { BLOCK_BYTES, FIRST_OWNER, OutputMemory } from '../src/threads/output-memory.ts';

describe('output memory', () => {
  const [one, other] = [FIRST_OWNER, FIRST_OWNER + 1];
  const reserve = (maxBytes: number, enoughBytes = maxBytes) =>
    OutputMemory.reserve({ maxBytes, enoughBytes });

  it('is the same for all who have its handle', () => {
    const memory = reserve(3 * BLOCK_BYTES);
    const elsewhere = new OutputMemory(memory.handle);
    assert.deepEqual([memory.take(one), elsewhere.take(other), memory.take(one)], [0, 1, 2]);
    elsewhere.view(1).fill(7);
    assert.deepEqual([...memory.view(1, 3)], [7, 7, 7]);
    assert.equal(memory.view(0)[BLOCK_BYTES - 1] + memory.view(2)[0], 0);
  });

  it('grows with what is in use at a time, and not before', () => {
    const memory = reserve(2 ** 30);
    assert.equal(memory.byteLength, 0);
    for (let round = 0; round < 100; round++) memory.free([memory.take(one), memory.take(other)]);
    assert.equal(memory.byteLength, 2 * BLOCK_BYTES);
  });

  it('says where there is no block left', () => {
    const memory = reserve(BLOCK_BYTES + 1);
    memory.take(one);
    memory.take(one);
    assert.throws(() => memory.take(one), { code: 'OUT_OF_MEMORY', message: /all 8388608 bytes are in use/ });
    assert.equal(memory.blocksInUse, 2);
  });

  it('leaves no block behind where there is no memory for it', () => {
    const { handle } = reserve(2 * BLOCK_BYTES);
    const memory = new OutputMemory({
      ...handle,
      bytes: new SharedArrayBuffer(0, { maxByteLength: BLOCK_BYTES }),
    });
    memory.take(one);
    assert.throws(() => memory.take(one), { code: 'OUT_OF_MEMORY', message: /8388608 bytes can't be had/ });
    assert.equal(memory.blocksInUse, 1);
  });

  it('takes back what a thread left, but not what it handed over or others have', () => {
    const memory = reserve(4 * BLOCK_BYTES);
    const handedOver = memory.take(one);
    memory.take(one);
    memory.take(other);
    memory.handOver([handedOver]);
    memory.freeAllOf(one);
    assert.deepEqual([memory.take(other), memory.take(other)], [1, 3]);
  });

  describe('of which there is enough', () => {
    const never = () => assert.fail('it waits');
    const enough = new Error('enough');
    const atOnce = () => {
      throw enough;
    };

    it('has a thread wait while some is uploaded', () => {
      const memory = reserve(4 * BLOCK_BYTES, 2 * BLOCK_BYTES);
      const first = memory.take(one);
      memory.waitForRoom(never);
      memory.take(one);
      memory.handOver([first]);
      assert.throws(() => memory.waitForRoom(atOnce), enough);
      memory.free([first]);
      memory.waitForRoom(never);
    });

    it('has none wait where nothing is uploaded, for then nothing would come of it', () => {
      const memory = reserve(4 * BLOCK_BYTES, BLOCK_BYTES);
      memory.take(one);
      memory.take(other);
      memory.waitForRoom(never);
    });
  });
});
