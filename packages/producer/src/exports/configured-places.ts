import { type CreateExport, LEVELS } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { ProducerError } from '../error.ts';
import { defaultName, type ExportRequest } from '../request.ts';
import type { ExportPlaces } from './exports.ts';

export interface Configured {
  /** Of the queue that every export's jobs are in. */
  queue: string;
  /** Names. */
  volumes: ReadonlySet<string>;
  destinations: ReadonlyMap<string, Store>;
}

/** The volumes and destinations that an operator configured; callers name them. */
export function configuredPlaces(configured: Configured): ExportPlaces {
  const { queue, destinations } = configured;
  return {
    queueOf: () => queue,
    setWorkers: async () => {
      throw shared();
    },
    requestOf: (body) => requestOf(body, configured),
    storeOf: async ({ request: { destination } }) => {
      const store = destinations.get(destination);
      if (store) return store;
      throw unknown('DESTINATION', destination, destinations.keys());
    },
  };
}

function requestOf(
  { name, level, namespace, workers, consistency, snapshotClass: _, ...body }: CreateExport,
  { volumes, destinations }: Configured,
): ExportRequest {
  if (namespace !== undefined)
    throw new ProducerError('BAD_REQUEST', 'There are no namespaces here: leave `namespace` out.');
  if (workers !== undefined) throw shared();
  if (consistency !== 'Live')
    throw new ProducerError(
      'BAD_REQUEST',
      'There are no snapshots and clones of volumes here: leave `consistency` and `snapshotClass` out.',
    );
  if (!volumes.has(body.volume)) throw unknown('VOLUME', body.volume, volumes);
  if (!destinations.has(body.destination))
    throw unknown('DESTINATION', body.destination, destinations.keys());
  return {
    ...body,
    name: name ?? defaultName(body.volume, new Date()),
    level: level ?? LEVELS[body.format].default,
  };
}

const shared = () =>
  new ProducerError(
    'BAD_REQUEST',
    'All exports share the workers that run here: leave `workers` out, and start or stop some.',
  );

function unknown(what: 'VOLUME' | 'DESTINATION', name: string, known: Iterable<string>): ProducerError {
  const names = [...known].join(', ') || 'none is configured';
  const message = `There is no ${what.toLowerCase()} ${JSON.stringify(name)}; there is: ${names}.`;
  return new ProducerError(`UNKNOWN_${what}`, message);
}
