import assert from 'node:assert/strict';
import { SharedMemory } from '../src/archive/shared-memory.ts';

const USUAL_BYTES = 48 * 2 ** 20;

describe('shared memory', () => {
  it('is used again when it was given back, and grows with what is wanted', () => {
    const memory = new SharedMemory();
    const buffers = new Set<SharedArrayBuffer>();
    for (const bytes of [0, 1_000, 10, 5_000_000, USUAL_BYTES]) {
      using borrowed = memory.borrow(bytes);
      assert.equal(borrowed.bytes.length, bytes);
      borrowed.bytes.fill(1);
      buffers.add(borrowed.bytes.buffer);
    }
    assert.equal(buffers.size, 1);
  });

  it('is nobody else’s until then', () => {
    const memory = new SharedMemory();
    using one = memory.borrow(1_000);
    using other = memory.borrow(1_000);
    other.bytes.fill(2);
    assert.ok(one.bytes.every((byte) => byte === 0));
  });

  it('isn’t kept where it is more than usual', () => {
    const memory = new SharedMemory();
    const borrow = (bytes: number) => {
      using borrowed = memory.borrow(bytes);
      return borrowed.bytes.buffer;
    };
    const large = borrow(USUAL_BYTES + 1);
    assert.equal(large.byteLength, USUAL_BYTES + 1);
    assert.notEqual(borrow(USUAL_BYTES + 1), large);
    assert.notEqual(borrow(1), large);
  });
});
