import { failureOf } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { ProducerError } from '../error.ts';
import type { Place, Workforce } from '../reconcile/parts.ts';
import { type ExportRecord, hasEnded } from '../records/record.ts';
import type { AddressGuard } from './address-guard.ts';
import { type NamedBucket, openBucket, readBucket } from './bucket-secret.ts';
import { type ClusterApi, isNamespaceEnding } from './cluster-api.ts';
import { ExportQueues, type ExportQueuesOptions } from './export-queues.ts';
import { type Places, placesOf } from './resource-record.ts';

export interface ClusterPlacesOptions extends ExportQueuesOptions {
  api: ClusterApi;
  workforce: Workforce;
  guard: AddressGuard;
}

interface KeptStore {
  store: Store;
  version: string;
  /** When the Secret was read last. */
  readAt: number;
  /** How often the export had been tried again by then. */
  retried: number;
}

/** A Secret that was replaced, as keys are when they are rotated, is seen so much later, or with the next retry. */
const READ_AGAIN_MS = 30_000;

function secretGone({ namespace, secret }: Places, cause: unknown): unknown {
  if (failureOf(cause).code !== 'SECRET_MISSING') return cause;
  const message = `The Secret ${namespace}/${secret} is gone, as its namespace is being deleted.`;
  return new ProducerError('SECRET_GONE', message);
}

/**
 * Each export's own queue, store and workers. What the producer does in an export's queue it does as the export's user:
 * a tenant may write any text into keys of its own, names of others' jobs too, and with an administrator's rights the
 * producer would follow them.
 */
export class ClusterPlaces implements AsyncDisposable {
  readonly #options: ClusterPlacesOptions;
  readonly #queues: ExportQueues;
  readonly #stores = new Map<string, KeptStore>();

  constructor(options: ClusterPlacesOptions) {
    this.#options = options;
    this.#queues = new ExportQueues(options);
  }

  readonly placeOf = async (record: ExportRecord): Promise<Place> => {
    const { queue, redis } = await this.#queues.get(record.id);
    if (record.run && !hasEnded(record)) await this.#keepStore(record);
    const { workforce, users } = this.#options;
    return {
      queue,
      empty: () => users.emptyQueue(record.id),
      redis,
      store: () => this.storeOf(record),
      workers: {
        call: (at) => workforce.call(at),
        rest: (at) => workforce.rest(at),
        dismiss: (at) => this.#dismiss(at),
      },
    };
  };

  /** The bucket that the namespace's Secret names. Rejects with SECRET_MISSING, BAD_DESTINATION. */
  readonly storeOf = async (record: ExportRecord): Promise<Store> => {
    const known = this.#stores.get(record.id);
    const { retried } = record;
    if (known?.retried === retried && Date.now() - known.readAt < READ_AGAIN_MS) return known.store;
    const places = placesOf(record.request);
    const bucket = await this.#readBucket(record);
    if (!bucket) return known!.store;
    const readAt = Date.now();
    if (known?.version === bucket.version) {
      Object.assign(known, { readAt, retried });
      return known.store;
    }
    const store = await openBucket(bucket, { prefix: places.prefix, guard: this.#options.guard });
    this.#stores.set(record.id, { store, version: bucket.version, readAt, retried });
    return store;
  };

  /** So that there is one when the namespace goes. That it can't be had now is said by the step that needs it. */
  async #keepStore(record: ExportRecord): Promise<void> {
    await this.storeOf(record).catch(() => undefined);
  }

  /**
   * Undefined where the store that is open has to do: a namespace that is deleted loses its Secrets first, and what is
   * to be cleared up still can be.
   */
  async #readBucket({ id, request, wish }: ExportRecord): Promise<NamedBucket | undefined> {
    const places = placesOf(request);
    try {
      return await readBucket(places, this.#options.api);
    } catch (error) {
      if (wish !== 'forget') throw error;
      if (this.#stores.has(id)) return undefined;
      throw (await isNamespaceEnding(places.namespace, this.#options.api))
        ? secretGone(places, error)
        : error;
    }
  }

  /** Closes the queues and stores of exports that nobody has asked about for a while; `live` aren't over. */
  async tidy(live: ReadonlySet<string>): Promise<void> {
    await this.#queues.tidy(live);
    const old = [...this.#stores].filter(([, { readAt }]) => Date.now() - readAt > 2 * READ_AGAIN_MS);
    for (const [id, { store }] of old) {
      this.#stores.delete(id);
      await store[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queues[Symbol.asyncDispose]();
    await Promise.all([...this.#stores.values()].map(({ store }) => store[Symbol.asyncDispose]()));
    this.#stores.clear();
  }

  async #dismiss(record: ExportRecord): Promise<void> {
    await this.#options.workforce.dismiss(record);
    await this.#queues.close(record.id);
    await this.#options.users.remove(record.id);
  }
}
