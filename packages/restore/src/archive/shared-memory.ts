/** What is enough for nearly every piece that is read: its frames, and those at its ends. */
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

  /** Contents are whatever was there before. */
  borrow(bytes: number): Borrowed {
    const fitting = this.#idle.findIndex(({ maxByteLength }) => maxByteLength >= bytes);
    const [memory = reserve(bytes)] = fitting < 0 ? [] : this.#idle.splice(fitting, 1);
    if (memory.byteLength < bytes) memory.grow(bytes);
    return { bytes: new Uint8Array(memory, 0, bytes), [Symbol.dispose]: () => void this.#idle.push(memory) };
  }
}

/** Address space; memory comes with `grow`. */
function reserve(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(0, { maxByteLength: Math.max(bytes, USUAL_BYTES) });
}
