import type { Store } from '@longshore/store';
import type { QueueAccess } from '../end-export.ts';
import { ProducerError } from '../error.ts';
import type { ExportRecord } from '../records/record.ts';
import type { Place, ReconcileSetting, Workforce } from './parts.ts';

/** A pool of workers serves whatever is in the queue: nobody calls them, and nobody sends them away. */
const POOL: Workforce = {
  call: async () => undefined,
  rest: async () => undefined,
  dismiss: async () => undefined,
};

export interface SharedPlace extends QueueAccess {
  /** Destination name → its store. */
  destinations: ReadonlyMap<string, Store>;
}

/** The place of every export of an installation that has one queue, and stores that its operator configured. */
export function sharedPlace({ queue, redis, destinations }: SharedPlace): ReconcileSetting['placeOf'] {
  return async (record): Promise<Place> => ({
    queue,
    redis,
    workers: POOL,
    store: async () => storeOf(record, destinations),
  });
}

function storeOf({ request }: ExportRecord, destinations: SharedPlace['destinations']): Store {
  const store = destinations.get(request.destination);
  if (store) return store;
  const message = `There is no destination ${JSON.stringify(request.destination)} any more: configure it again.`;
  throw new ProducerError('UNKNOWN_DESTINATION', message);
}
