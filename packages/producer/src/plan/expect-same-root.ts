import { buffer } from 'node:stream/consumers';
import { type Order, PlannedRoot, workArea } from '@longshore/shared';
import { inMemory, putMarked, type Store, StoreError } from '@longshore/store';
import { isSameRoot, rootReplaced } from '@longshore/tape';

export interface ExpectSameRootOptions {
  order: Order;
  store: Store;
  /** The volume's path on this worker. */
  volume: string;
  signal: AbortSignal;
}

/**
 * Writes down the volume's root for all workers, or compares it with what the first planner wrote: VOLUME_GONE. A
 * planner that starts again after the volume was unmounted would otherwise plan the empty directory below it.
 */
export async function expectSameRoot(options: ExpectSameRootOptions, root: PlannedRoot): Promise<void> {
  const { order, store, volume, signal } = options;
  const { volume: key, order: marker } = workArea(order.id);
  const json = Buffer.from(JSON.stringify(root));
  try {
    await putMarked(store, { marker, objects: [{ key, body: inMemory(json) }] }, { signal, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'ALREADY_EXISTS') throw error;
    const first = PlannedRoot.parse(JSON.parse((await buffer(await store.get(key, { signal }))).toString()));
    if (!isSameRoot(first, root)) throw rootReplaced(volume);
  }
}
