import { setTimeout as delay } from 'node:timers/promises';
import type { Watch } from '@kubernetes/client-node';
import type { Logger } from 'pino';

interface Kept {
  metadata?: { uid?: string; resourceVersion?: string };
}

/** One page of a list. */
export interface Page<T> {
  items: T[];
  metadata?: { resourceVersion?: string; _continue?: string; continue?: string };
}

export interface ObjectCacheOptions<T> {
  watch: Watch;
  /** Of the list: `/apis/batch/v1/jobs`. */
  path: string;
  labelSelector?: string;
  list(page: { limit: number; _continue?: string; labelSelector?: string }): Promise<Page<T>>;
  logger: Logger;
  /** Told of each object that came, changed or went. Must not throw. */
  onChange?: (object: T) => void;
}

const PAGE = 500;

/** A watch that lost an event would stay wrong for ever: everything is listed again so often. */
const RESYNC_MS = 10 * 60_000;

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 15_000;

/** An expired resource version: what has happened since isn't known any more (Kubernetes, "Efficient detection of changes"). */
const EXPIRED = 410;

/**
 * The objects of one kind, as the API server tells them: a list, and a watch from there on. The library's own
 * informer stops for good at most errors, and lists everything in one page. What this process writes itself is put
 * here at once, so that it reads what it wrote.
 */
export class ObjectCache<T extends Kept> implements AsyncDisposable {
  readonly #options: ObjectCacheOptions<T>;
  readonly #leaving = new AbortController();
  #objects = new Map<string, T>();
  /** Deleted by this process; the watch tells of them once more. */
  #gone = new Set<string>();
  #running: Promise<void> | undefined;
  #listedAt = 0;

  constructor(options: ObjectCacheOptions<T>) {
    this.#options = options;
  }

  /** Resolves once everything has been listed; keeps on trying until then. */
  async start(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#running = this.#follow(resolve);
    await promise;
  }

  get(uid: string): T | undefined {
    return this.#objects.get(uid);
  }

  values(): MapIterator<T> {
    return this.#objects.values();
  }

  /** Takes an object, unless a later version is known. */
  put(object: T): void {
    const { uid = '' } = object.metadata ?? {};
    const known = this.#objects.get(uid);
    if (this.#gone.has(uid) || (known && isLater(known, object))) return;
    this.#objects.set(uid, object);
    this.#options.onChange?.(object);
  }

  delete(object: T): void {
    const { uid = '' } = object.metadata ?? {};
    this.#gone.add(uid);
    if (this.#objects.delete(uid)) this.#options.onChange?.(object);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.#running;
  }

  async #follow(onListed: () => void): Promise<void> {
    const { signal } = this.#leaving;
    let pause = FIRST_DELAY_MS;
    while (!signal.aborted) {
      try {
        const version = await this.#list();
        onListed();
        pause = FIRST_DELAY_MS;
        await this.#watchFrom(version);
      } catch (error) {
        if (signal.aborted) break;
        const said = error instanceof Error ? error.message.slice(0, 300) : String(error);
        this.#options.logger.warn({ path: this.#options.path }, `The API server is asked again: ${said}`);
        await delay(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(2 * pause, MAX_DELAY_MS);
      }
    }
    onListed();
  }

  async #list(): Promise<string> {
    const { list, labelSelector } = this.#options;
    const found = new Map<string, T>();
    let page: Page<T> | undefined;
    do {
      page = await list({ limit: PAGE, _continue: nextOf(page), labelSelector });
      for (const item of page.items) found.set(item.metadata?.uid ?? '', item);
    } while (nextOf(page));
    this.#listedAt = Date.now();
    this.#replace(found);
    return page.metadata?.resourceVersion ?? '';
  }

  #replace(found: Map<string, T>): void {
    const before = this.#objects;
    this.#gone.clear();
    this.#objects = found;
    for (const [uid, object] of before) if (!found.has(uid)) this.#options.onChange?.(object);
    for (const object of found.values()) this.#options.onChange?.(object);
  }

  /** Until it's time to list again, which an expired version is as well. */
  async #watchFrom(version: string): Promise<void> {
    let at: string | undefined = version;
    while (at !== undefined && !this.#leaving.signal.aborted && Date.now() - this.#listedAt < RESYNC_MS)
      at = await this.#watchOnce(at);
  }

  /** The version to go on from; undefined where it's expired. */
  async #watchOnce(from: string): Promise<string | undefined> {
    const { watch, path, labelSelector } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    let at: string | undefined = from;
    const onEvent = (type: string, object: T & { code?: number }) => {
      if (type === 'ERROR') at = undefined;
      else at = object.metadata?.resourceVersion ?? at;
      if (type === 'ADDED' || type === 'MODIFIED') this.put(object);
      if (type === 'DELETED') this.#deleted(object);
      if (type === 'ERROR' && object.code !== EXPIRED)
        reject(new Error(`the watch ended with ${object.code}`));
    };
    const query = { resourceVersion: from, allowWatchBookmarks: true, labelSelector };
    const watching = await watch.watch(path, query, onEvent, (error: unknown) =>
      isSilence(error) ? resolve(at) : reject(error),
    );
    const stop = () => watching?.abort();
    this.#leaving.signal.addEventListener('abort', stop);
    if (this.#leaving.signal.aborted) stop();
    try {
      return await promise;
    } finally {
      this.#leaving.signal.removeEventListener('abort', stop);
    }
  }

  #deleted(object: T): void {
    const { uid = '' } = object.metadata ?? {};
    this.#objects.delete(uid);
    this.#gone.add(uid);
    this.#options.onChange?.(object);
  }
}

/** The library ends a watch that hears nothing for half a minute, which is usual here. */
const isSilence = (error: unknown) =>
  !error || (error instanceof DOMException && error.name === 'TimeoutError');

const nextOf = <T>(page: Page<T> | undefined) =>
  page?.metadata?._continue || page?.metadata?.continue || undefined;

/** Versions of one kind are numbers that grow (Kubernetes 1.35, "Comparable resource versions"). */
function isLater(known: Kept, other: Kept): boolean {
  return BigInt(known.metadata?.resourceVersion ?? 0) > BigInt(other.metadata?.resourceVersion ?? 0);
}
