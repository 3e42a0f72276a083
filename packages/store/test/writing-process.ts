import { DirectoryStore } from '../src/directory/directory-store.ts';
import { StoreError } from '../src/error.ts';

/** Tries to write an object as another user, and says what came of it. */
process.once('message', async ({ root, uid }: { root: string; uid: number }) => {
  process.setuid?.(uid);
  const store = await DirectoryStore.open(root);
  const outcome = await store.put('key', { bytes: 0, chunks: [] }).then(
    () => 'written',
    (error) => (error instanceof StoreError ? error.code : String(error)),
  );
  process.send?.(outcome, () => process.disconnect?.());
});
