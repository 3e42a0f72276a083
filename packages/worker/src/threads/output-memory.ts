import { WorkerError } from '../error.ts';

/** Items end somewhere within a block: little of the last one is unused. */
export const BLOCK_BYTES = 4 * 2 ** 20;

/** What another thread needs to use the same memory. */
export interface OutputMemoryHandle {
  /** Grows block by block. */
  bytes: SharedArrayBuffer;
  /** An Int32 for each block that may come to be: who has it. */
  owners: SharedArrayBuffer;
  /** An Int32 that changes whenever blocks are freed. */
  freed: SharedArrayBuffer;
  /** So many blocks do, as long as some of them are being uploaded. */
  enough: number;
}

export interface Reservation {
  /** Address space, which is no memory before it's needed. */
  maxBytes: number;
  /** With as many bytes in use a thread waits for uploads, if there are any, before it takes more. */
  enoughBytes: number;
}

/** How often a thread that waits looks whether it's to stop. */
const LOOK_MS = 100;

/** Block owners, besides threads, which have numbers of their own. */
const NOBODY = 0;
const MAIN = 1;

/** The first number for a thread. */
export const FIRST_OWNER = 2;

/**
 * Blocks of memory for compressed bytes, shared by a worker's threads: each takes one when it needs it, and the main
 * thread lets go of it when it's uploaded. So a worker has as much memory as its items took at the same time, and where
 * files don't compress little more than `enoughBytes`: shared and never given back to V8, which counts transferred buffers as garbage to come, and is slow to collect
 * shared ones.
 */
export class OutputMemory {
  readonly handle: OutputMemoryHandle;
  readonly #bytes: SharedArrayBuffer;
  readonly #owners: Int32Array;
  readonly #freed: Int32Array<SharedArrayBuffer>;

  static reserve({ maxBytes, enoughBytes }: Reservation): OutputMemory {
    const blocks = Math.ceil(maxBytes / BLOCK_BYTES);
    return new OutputMemory({
      bytes: new SharedArrayBuffer(0, { maxByteLength: blocks * BLOCK_BYTES }),
      owners: new SharedArrayBuffer(blocks * Int32Array.BYTES_PER_ELEMENT),
      freed: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
      enough: Math.ceil(enoughBytes / BLOCK_BYTES),
    });
  }

  constructor(handle: OutputMemoryHandle) {
    this.handle = handle;
    this.#bytes = handle.bytes;
    this.#owners = new Int32Array(handle.owners);
    this.#freed = new Int32Array(handle.freed);
  }

  /** Bytes of memory that there are, in use or not. */
  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  /** How many blocks somebody has. */
  get blocksInUse(): number {
    return this.#owners.reduce((count, owner) => (owner === NOBODY ? count : count + 1), 0);
  }

  /**
   * Waits, in a thread, while enough blocks are in use and some of them are being uploaded. `look` is called now and then
   * meanwhile, and ends the wait by throwing.
   */
  waitForRoom(look: () => void): void {
    for (;;) {
      const freed = Atomics.load(this.#freed, 0);
      if (this.blocksInUse < this.handle.enough || !this.#owners.includes(MAIN)) return;
      Atomics.wait(this.#freed, 0, freed, LOOK_MS);
      look();
    }
  }

  /** A block for a thread: a free one, or a new one. Throws OUT_OF_MEMORY where there is none. */
  take(owner: number): number {
    for (let block = 0; block < this.#owners.length; block++) {
      if (Atomics.compareExchange(this.#owners, block, NOBODY, owner) !== NOBODY) continue;
      try {
        this.#growTo((block + 1) * BLOCK_BYTES);
      } catch (cause) {
        this.free([block]);
        throw outOfMemory(`${(block + 1) * BLOCK_BYTES} bytes can't be had`, { cause });
      }
      return block;
    }
    throw outOfMemory(`all ${this.#owners.length * BLOCK_BYTES} bytes are in use`);
  }

  /** The first `bytes` of a block. */
  view(block: number, bytes = BLOCK_BYTES): Uint8Array {
    return new Uint8Array(this.#bytes, block * BLOCK_BYTES, bytes);
  }

  /** What a thread has filled becomes the main thread's: the thread's end doesn't free it any more. */
  handOver(blocks: readonly number[]): void {
    for (const block of blocks) Atomics.store(this.#owners, block, MAIN);
  }

  free(blocks: readonly number[]): void {
    for (const block of blocks) Atomics.store(this.#owners, block, NOBODY);
    this.#tellOfRoom();
  }

  /** Frees what a thread left that has ended. */
  freeAllOf(owner: number): void {
    for (let block = 0; block < this.#owners.length; block++)
      Atomics.compareExchange(this.#owners, block, owner, NOBODY);
    this.#tellOfRoom();
  }

  #tellOfRoom(): void {
    Atomics.add(this.#freed, 0, 1);
    Atomics.notify(this.#freed, 0);
  }

  #growTo(bytes: number): void {
    try {
      if (this.#bytes.byteLength < bytes) this.#bytes.grow(bytes);
    } catch (error) {
      // Another thread may have grown it further meanwhile.
      if (this.#bytes.byteLength < bytes) throw error;
    }
  }
}

function outOfMemory(why: string, options?: ErrorOptions): WorkerError {
  const message = `There is no memory for compressed bytes (${why}): give the worker more, or fewer threads.`;
  return new WorkerError('OUT_OF_MEMORY', message, options);
}
