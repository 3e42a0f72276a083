import { IndexReader } from '@longshore/tape';

/** An index that stays open at least until it is disposed of. */
export interface Lease extends Disposable {
  reader: IndexReader;
}

/**
 * An open index, and how many use it. It's closed once the cache has let go of it and the last lease has ended; its
 * file has no name any more, so that its space is free then, however this process ends.
 */
export class OpenIndex {
  readonly #reader: IndexReader;
  #users = 1;

  /** The first user is the cache. */
  constructor(file: string) {
    this.#reader = new IndexReader(file);
  }

  /** Undefined where it was closed meanwhile. */
  lease(): Lease | undefined {
    if (this.#users === 0) return undefined;
    this.#users += 1;
    let ended = false;
    const end = () => {
      if (!ended) this.letGo();
      ended = true;
    };
    return { reader: this.#reader, [Symbol.dispose]: end };
  }

  letGo(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#reader[Symbol.dispose]();
  }
}
