import { openStore, type S3Settings, type Store } from '@longshore/store';

/** Destinations by name, as they are configured. */
export type Destinations = ReadonlyMap<string, { uri: string; s3?: S3Settings }>;

/** The store of each destination. Rejects with BAD_DESTINATION, and then none stays open. */
export async function openStores(destinations: Destinations): Promise<Map<string, Store>> {
  const stores = new Map<string, Store>();
  try {
    for (const [name, { uri, s3 }] of destinations) stores.set(name, await openStore(uri, { s3 }));
    return stores;
  } catch (error) {
    await closeStores(stores);
    throw error;
  }
}

export async function closeStores(stores: ReadonlyMap<string, Store>): Promise<void> {
  await Promise.all([...stores.values()].map((store) => store[Symbol.asyncDispose]()));
}
