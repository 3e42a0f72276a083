import { exportKeys } from '@longshore/shared';
import type { Redis } from 'ioredis';
import type { Attempt } from './attempt.ts';

/** A message can be lost, so the keys are read too; this is how long a lost one can delay a cancellation. */
const POLL_MS = 2_000;

/**
 * Ends attempts whose export is cancelled: by another process, anywhere. A message makes it quick, the key
 * behind it makes it certain.
 */
export class CancelSignals implements AsyncDisposable {
  #redis: Redis;
  #subscriber: Redis;
  #queue: string;
  #attempts = new Map<string, Set<Attempt>>();
  #poll: NodeJS.Timeout;
  #onError: (error: Error) => void;

  constructor({ redis, queue, onError }: { redis: Redis; queue: string; onError: (error: Error) => void }) {
    this.#redis = redis;
    this.#queue = queue;
    this.#onError = onError;
    this.#subscriber = redis.duplicate();
    this.#subscriber.on('error', onError);
    this.#subscriber.on('message', () => this.#look());
    this.#poll = setInterval(() => this.#look(), POLL_MS).unref();
  }

  /** Watches over an attempt until what is returned is disposed of; it may be stopped before this resolves. */
  async watch(exportId: string, attempt: Attempt): Promise<Disposable> {
    const attempts = this.#attempts.get(exportId) ?? new Set();
    attempts.add(attempt);
    const watch = { [Symbol.dispose]: () => this.#forget(exportId, attempt) };
    try {
      if (attempts.size === 1) {
        this.#attempts.set(exportId, attempts);
        await this.#subscriber.subscribe(this.#key(exportId));
      }
      await this.#lookAt(exportId);
      return watch;
    } catch (error) {
      watch[Symbol.dispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#poll);
    this.#subscriber.disconnect();
  }

  #key(exportId: string): string {
    return exportKeys(this.#queue, exportId).signal;
  }

  #forget(exportId: string, attempt: Attempt): void {
    const attempts = this.#attempts.get(exportId);
    attempts?.delete(attempt);
    if (attempts?.size !== 0) return;
    this.#attempts.delete(exportId);
    this.#subscriber.unsubscribe(this.#key(exportId)).catch(this.#onError);
  }

  #look(): void {
    for (const exportId of this.#attempts.keys()) this.#lookAt(exportId).catch(this.#onError);
  }

  async #lookAt(exportId: string): Promise<void> {
    if ((await this.#redis.get(this.#key(exportId))) !== 'stop') return;
    for (const attempt of this.#attempts.get(exportId) ?? []) attempt.stop('export-stopped');
  }
}
