import type { Readable } from 'node:stream';
import { StoreError, type StoreErrorCode } from './error.ts';
import { compareKeys } from './key.ts';
import { isMadeOf } from './part-list.ts';
import { pauseAfter, RETRY_POLICY, type RetryPolicy, withRetries } from './retry.ts';
import type {
  Body,
  HeadOptions,
  Link,
  LinkOptions,
  ObjectInfo,
  Part,
  PartDraft,
  RequestOptions,
  Store,
  Upload,
} from './store.ts';

/** After these an answer may have been lost, so the request may have been carried out. */
const AMBIGUOUS: ReadonlySet<StoreErrorCode> = new Set(['UNREACHABLE', 'UNAVAILABLE']);

/** What a repeated completion says when the first one had succeeded. */
const DONE_BEFORE: ReadonlySet<StoreErrorCode> = new Set(['NO_SUCH_UPLOAD', 'ALREADY_EXISTS']);

const codeOf = (error: unknown) => (error instanceof StoreError ? error.code : undefined);

/**
 * Any store, asked again when it fails in a way that passes. Probing isn't repeated: it has a time limit.
 * A `put` with `ifAbsent` whose first answer was lost says ALREADY_EXISTS: only the caller can tell whose
 * object it is.
 */
export class RetryingStore implements Store {
  readonly #inner: Store;
  readonly #policy: RetryPolicy;

  readonly prepareCompletion: Store['prepareCompletion'];

  constructor(inner: Store, policy: RetryPolicy = RETRY_POLICY) {
    this.#inner = inner;
    this.#policy = policy;
    // Callers save themselves what goes before it where a store has nothing to prepare.
    if (inner.prepareCompletion) {
      this.prepareCompletion = (upload, parts, options) =>
        this.#again(async () => inner.prepareCompletion?.(upload, parts, options), options);
    }
  }

  get uri(): string {
    return this.#inner.uri;
  }

  get maxObjectBytes(): number {
    return this.#inner.maxObjectBytes;
  }

  get payloadHash(): Store['payloadHash'] {
    return this.#inner.payloadHash;
  }

  probe(options?: RequestOptions): Promise<void> {
    return this.#inner.probe(options);
  }

  head(key: string, options?: HeadOptions): Promise<ObjectInfo | undefined> {
    return this.#again(() => this.#inner.head(key, options), options);
  }

  get(key: string, options?: Parameters<Store['get']>[1]): Promise<Readable> {
    return this.#again(() => this.#inner.get(key, options), options);
  }

  /** Nothing is sent, but credentials may have to be fetched. */
  link(key: string, options: LinkOptions): Promise<Link | undefined> {
    return this.#again(() => this.#inner.link(key, options), options);
  }

  put(key: string, body: Body, options?: Parameters<Store['put']>[2]): Promise<ObjectInfo> {
    return this.#again(() => this.#inner.put(key, body, options), options);
  }

  delete(keys: readonly string[], options?: RequestOptions): Promise<void> {
    return this.#again(() => this.#inner.delete(keys, options), options);
  }

  list(prefix: string, options?: RequestOptions): AsyncIterable<ObjectInfo> {
    const isAfter = (next: ObjectInfo, last: ObjectInfo) => compareKeys(next.key, last.key) > 0;
    return this.#resume(() => this.#inner.list(prefix, options), past(isAfter), options);
  }

  createUpload(key: string, options?: Parameters<Store['createUpload']>[1]): Promise<Upload> {
    return this.#again(() => this.#inner.createUpload(key, options), options);
  }

  listUploads(key: string, options?: RequestOptions): AsyncIterable<Upload> {
    const progress = unseen((item: Upload) => item.id);
    return this.#resume(() => this.#inner.listUploads(key, options), progress, options);
  }

  async draftPart(upload: Upload, options?: RequestOptions): Promise<PartDraft | undefined> {
    return this.#again(async () => this.#inner.draftPart?.(upload, options), options);
  }

  putPart(upload: Upload, number: number, body: Body, options?: RequestOptions): Promise<Part> {
    return this.#again(() => this.#inner.putPart(upload, number, body, options), options);
  }

  listParts(upload: Upload, options?: RequestOptions): AsyncIterable<Part> {
    const isAfter = (next: Part, last: Part) => next.number > last.number;
    return this.#resume(() => this.#inner.listParts(upload, options), past(isAfter), options);
  }

  /** A completion whose answer was lost is recognised by what it left behind: no upload, and the object. */
  async completeUpload(
    upload: Upload,
    parts: readonly Part[],
    options?: RequestOptions,
  ): Promise<ObjectInfo> {
    let ambiguous = false;
    const complete = async () => {
      try {
        return await this.#inner.completeUpload(upload, parts, options);
      } catch (error) {
        ambiguous ||= AMBIGUOUS.has(codeOf(error)!);
        throw error;
      }
    };
    try {
      return await this.#again(complete, options);
    } catch (error) {
      const made =
        ambiguous && DONE_BEFORE.has(codeOf(error)!) ? await this.#madeOf(upload, parts, options) : undefined;
      if (made) return made;
      throw error;
    }
  }

  async #madeOf(
    upload: Upload,
    parts: readonly Part[],
    options?: RequestOptions,
  ): Promise<ObjectInfo | undefined> {
    if (await this.#isOpen(upload, options)) return undefined;
    const object = await this.head(upload.key, options);
    return object && isMadeOf(object, parts) ? object : undefined;
  }

  async #isOpen(upload: Upload, options?: RequestOptions): Promise<boolean> {
    try {
      for await (const _part of this.listParts(upload, options)) return true;
      return true;
    } catch (error) {
      if (codeOf(error) === 'NO_SUCH_UPLOAD') return false;
      throw error;
    }
  }

  abortUpload(upload: Upload, options?: RequestOptions): Promise<void> {
    return this.#again(() => this.#inner.abortUpload(upload, options), options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  #again<T>(operation: () => Promise<T>, options: RequestOptions | undefined): Promise<T> {
    return withRetries(operation, { policy: this.#policy, signal: options?.signal });
  }

  /** Lists again from the start after a failure and leaves out what was given already. Progress forgives earlier failures. */
  async *#resume<T>(
    open: () => AsyncIterable<T>,
    progress: Progress<T>,
    options: RequestOptions | undefined,
  ): AsyncGenerator<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const item of open()) {
          if (progress.isGiven(item)) continue;
          progress.give(item);
          attempt = 1;
          yield item;
        }
        return;
      } catch (error) {
        await pauseAfter(error, { attempt, policy: this.#policy, signal: options?.signal });
        progress.restart();
      }
    }
  }
}

/** Which items of a listing were given before it broke off. */
interface Progress<T> {
  isGiven(item: T): boolean;
  give(item: T): void;
  restart(): void;
}

/** For ordered listings. Order is relied on after a failure only: a server that gets it wrong shall not lose items. */
function past<T>(isAfter: (next: T, last: T) => boolean): Progress<T> {
  let last: T | undefined;
  let restartedAt: T | undefined;
  return {
    isGiven: (item) => restartedAt !== undefined && !isAfter(item, restartedAt),
    give: (item) => {
      last = item;
    },
    restart: () => {
      restartedAt = last;
    },
  };
}

/** For listings in no order, which are short. */
function unseen<T>(identify: (item: T) => string): Progress<T> {
  const seen = new Set<string>();
  return {
    isGiven: (item) => seen.has(identify(item)),
    give: (item) => seen.add(identify(item)),
    restart: () => undefined,
  };
}
