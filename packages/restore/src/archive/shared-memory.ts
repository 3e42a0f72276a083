/**
 * What is enough for nearly every piece that is read: nine frames of 4 MiB and a little, where two ends are shared with
 * other pieces, and two paddings of 5 MiB.
 */
const USUAL_BYTES = 48 * 2 ** 20;

/** Memory that other threads see, too, until it's given back. */
export interface Borrowed extends Disposable {
  bytes: Uint8Array<SharedArrayBuffer>;
}

/**
 * Memory for what threads read, used again and again. It's shared and not transferred: V8 takes a large buffer that
 * comes to another thread for garbage to come, and goes through the heap for it.
 */
export class SharedMemory {
  readonly #idle: SharedArrayBuffer[] = [];

  /** Contents are whatever was there before. What is more than usual isn't kept when it's given back. */
  borrow(bytes: number): Borrowed {
    if (bytes > USUAL_BYTES) return borrowed(new SharedArrayBuffer(bytes), bytes, () => undefined);
    const memory = this.#idle.pop() ?? new SharedArrayBuffer(0, { maxByteLength: USUAL_BYTES });
    if (memory.byteLength < bytes) memory.grow(bytes);
    return borrowed(memory, bytes, () => void this.#idle.push(memory));
  }
}

function borrowed(memory: SharedArrayBuffer, bytes: number, giveBack: () => void): Borrowed {
  return { bytes: new Uint8Array(memory, 0, bytes), [Symbol.dispose]: giveBack };
}
