import assert from 'node:assert/strict';
import { describeCompletion } from './contract/completion.ts';
import { describeKeys } from './contract/keys.ts';
import { describeObjects } from './contract/objects.ts';
import { describeUploads } from './contract/uploads.ts';
import type { Store } from './store.ts';

export interface ContractOptions {
  /** Names what a store that was just emptied still holds anywhere: temporary files, open uploads, folders. */
  leftovers?: (store: Store) => Promise<readonly string[]>;
}

/**
 * What every `Store` promises, as a mocha suite. `open` gives an empty store of its own to each test; each
 * test removes what it made, and fails if `leftovers` then finds something.
 */
export function describeStore(name: string, open: () => Promise<Store>, options: ContractOptions = {}): void {
  describe(`${name} keeps the contract of stores`, () => {
    let store: Store;

    beforeEach(async () => {
      store = await open();
    });

    afterEach(async () => {
      for await (const { key } of store.list('')) await store.delete([key]);
      const leftovers = await options.leftovers?.(store);
      await store[Symbol.asyncDispose]();
      assert.deepEqual(leftovers ?? [], []);
    });

    const opened = () => store;
    describeObjects(opened);
    describeKeys(opened);
    describeUploads(opened);
    describeCompletion(opened);
  });
}
