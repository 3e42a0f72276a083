import { buffer } from 'node:stream/consumers';
import { Order, workArea } from '@longshore/shared';
import { type Store, StoreError } from '@longshore/store';
import { TapeError, thisBuild } from '@longshore/tape';
import { WorkerError } from './error.ts';
import { Records } from './records.ts';

/** What a worker knows of an export that it has a job of. */
export interface ExportContext {
  order: Order;
  store: Store;
  area: ReturnType<typeof workArea>;
  records: Records;
  /** The volume's path on this worker. */
  volume: string;
}

export interface ExportSource {
  /** Volume name → path on this worker. */
  volumes: ReadonlyMap<string, string>;
  /** Destination name → its store. */
  destinations: ReadonlyMap<string, Store>;
  /** Longshore's own version. */
  version: string;
}

/** Exports that are kept in memory: an order never changes, so reading it once is enough. */
const MAX_CONTEXTS = 64;

/** Finds the order, store and volume that a job is about. */
export class ExportContexts {
  #source: ExportSource;
  #known = new Map<string, ExportContext>();
  #records = new Records();

  constructor(source: ExportSource) {
    this.#source = source;
  }

  store(destination: string): Store {
    const store = this.#source.destinations.get(destination);
    if (store) return store;
    const message = `This worker has no destination ${JSON.stringify(destination)}: start it with --destination.`;
    throw new WorkerError('UNKNOWN_DESTINATION', message);
  }

  /** Rejects with UNKNOWN_VOLUME, UNKNOWN_DESTINATION, ORDER_MISSING, BUILD_MISMATCH, or the store's error. */
  async get(job: { export: string; destination: string }): Promise<ExportContext> {
    const known = this.#known.get(job.export);
    if (known) return known;
    const context = await this.#read(job);
    if (this.#known.size >= MAX_CONTEXTS) this.#known.clear();
    this.#known.set(job.export, context);
    return context;
  }

  async #read({ export: id, destination }: { export: string; destination: string }): Promise<ExportContext> {
    const store = this.store(destination);
    const area = workArea(id);
    const order = await readOrder(store, area.order);
    this.#checkBuild(order);
    const volume = this.#source.volumes.get(order.volume);
    if (volume !== undefined) return { order, store, area, records: this.#records, volume };
    const message = `This worker has no volume ${JSON.stringify(order.volume)}: start it with --volume.`;
    throw new WorkerError('UNKNOWN_VOLUME', message);
  }

  /** zlib, zstd and Node are part of the archive's bytes: two builds in one archive would make retries differ. */
  #checkBuild(order: Order): void {
    const ours = thisBuild(this.#source.version);
    for (const name of ['longshore', 'node', 'zlib', 'zstd'] as const) {
      if (order.build[name] === ours[name]) continue;
      const message = `The export was started with ${name} ${order.build[name]}, this worker has ${ours[name]}: use the same image for both.`;
      throw new TapeError('BUILD_MISMATCH', message);
    }
  }
}

async function readOrder(store: Store, key: string): Promise<Order> {
  try {
    return Order.parse(JSON.parse((await buffer(await store.get(key))).toString()));
  } catch (cause) {
    if (!(cause instanceof StoreError) || cause.code !== 'NOT_FOUND') throw cause;
    throw new WorkerError('ORDER_MISSING', `${store.uri} has no ${key}: the export has ended.`, { cause });
  }
}
