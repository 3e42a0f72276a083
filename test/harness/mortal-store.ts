import type { Store } from '@longshore/store';

/** What a process says that was killed: nothing, so this never comes from the product. */
export class Killed extends Error {}

/** Calls after which a store isn't what it was. A process that dies after any other one leaves nothing new. */
const CHANGES: ReadonlySet<string> = new Set([
  'put',
  'delete',
  'createUpload',
  'putPart',
  'prepareCompletion',
  'completeUpload',
  'abortUpload',
]);

/** A process's life, in changes that it makes to a store: after the last one it does nothing any more. */
export class Life {
  changes = 0;
  #length: number;

  constructor(length: number) {
    this.#length = length;
  }

  /** The store as this life sees it; a deletion of many keys is two changes, to be cut in the middle. */
  live(store: Store): Store {
    const remove = (keys: readonly string[], ...rest: unknown[]) => this.#delete(store, keys, rest);
    return new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || typeof name === 'symbol') return value;
        return (...args: unknown[]) => {
          this.#assertAlive();
          const call = name === 'delete' ? remove : value.bind(target);
          return CHANGES.has(name) ? this.#change(() => call(...args)) : call(...args);
        };
      },
    });
  }

  async #delete(store: Store, keys: readonly string[], rest: unknown[]): Promise<void> {
    const half = Math.floor(keys.length / 2);
    const options = rest[0] as Parameters<Store['delete']>[1];
    if (half > 0) await this.#change(() => store.delete(keys.slice(0, half), options));
    await store.delete(keys.slice(half), options);
  }

  async #change<T>(act: () => Promise<T>): Promise<T> {
    const result = await act();
    this.changes++;
    this.#assertAlive();
    return result;
  }

  #assertAlive(): void {
    if (this.changes >= this.#length) throw new Killed(`killed after ${this.#length} changes`);
  }
}
