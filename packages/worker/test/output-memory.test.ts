import assert from 'node:assert/strict';
import { BLOCK_BYTES, FIRST_OWNER, OutputMemory } from '../src/threads/output-memory.ts';

describe('output memory', () => {
  const [one, other] = [FIRST_OWNER, FIRST_OWNER + 1];

  it('is the same for all who have its handle', () => {
    const memory = OutputMemory.reserve(3 * BLOCK_BYTES);
    const elsewhere = new OutputMemory(memory.handle);
    assert.deepEqual([memory.take(one), elsewhere.take(other), memory.take(one)], [0, 1, 2]);
    elsewhere.view(1).fill(7);
    assert.deepEqual([...memory.view(1, 3)], [7, 7, 7]);
    assert.equal(memory.view(0)[BLOCK_BYTES - 1] + memory.view(2)[0], 0);
  });

  it('grows with what is in use at a time, and not before', () => {
    const memory = OutputMemory.reserve(2 ** 30);
    assert.equal(memory.byteLength, 0);
    for (let round = 0; round < 100; round++) memory.free([memory.take(one), memory.take(other)]);
    assert.equal(memory.byteLength, 2 * BLOCK_BYTES);
  });

  it('says where there is no block left', () => {
    const memory = OutputMemory.reserve(BLOCK_BYTES + 1);
    memory.take(one);
    memory.take(one);
    assert.throws(() => memory.take(one), { code: 'OUT_OF_MEMORY', message: /all 8388608 bytes are in use/ });
    assert.equal(memory.blocksInUse, 2);
  });

  it('leaves no block behind where there is no memory for it', () => {
    const { handle } = OutputMemory.reserve(2 * BLOCK_BYTES);
    const memory = new OutputMemory({
      ...handle,
      bytes: new SharedArrayBuffer(0, { maxByteLength: BLOCK_BYTES }),
    });
    memory.take(one);
    assert.throws(() => memory.take(one), { code: 'OUT_OF_MEMORY', message: /8388608 bytes can't be had/ });
    assert.equal(memory.blocksInUse, 1);
  });

  it('takes back what a thread left, but not what it handed over or others have', () => {
    const memory = OutputMemory.reserve(4 * BLOCK_BYTES);
    const handedOver = memory.take(one);
    memory.take(one);
    memory.take(other);
    memory.handOver([handedOver]);
    memory.freeAllOf(one);
    assert.deepEqual([memory.take(other), memory.take(other)], [1, 3]);
  });
});
