import { setTimeout as delay } from 'node:timers/promises';
import { readOutcome } from '@longshore/producer';
import type { RedisAddress } from '@longshore/shared';
import { RedisConnection } from '../redis/connection.ts';

/** The producer ends its workers as soon as it sees the end; this is for when it's away. */
const LOOK_AGAIN_MS = 5_000;

/**
 * Watches for the end of one export: its finalize job has returned, or a job has failed for good. An export that the
 * queue doesn't know hasn't ended for that: Redis may have lost it, and then it comes back.
 */
export class ExportEnd implements AsyncDisposable {
  readonly reached: Promise<'export-ended'>;
  readonly #leaving = new AbortController();
  readonly #connection: RedisConnection;
  readonly #looking: Promise<void>;

  constructor(id: string, { redis, queue }: { redis: RedisAddress; queue: string }) {
    this.#connection = new RedisConnection(redis, queue);
    const { promise, resolve } = Promise.withResolvers<'export-ended'>();
    this.reached = promise;
    this.#looking = this.#look(id, resolve);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    // What waits for a Redis that is away ends with the connection.
    const closing = this.#connection[Symbol.asyncDispose]();
    await Promise.all([closing, this.#looking]);
  }

  async #look(id: string, found: (end: 'export-ended') => void): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      const outcome = await readOutcome({ id }, this.#connection).catch(() => undefined);
      const stopped = outcome?.kind === 'failed' && outcome.failure.code === 'STOPPED';
      if (outcome?.kind === 'completed' || (outcome?.kind === 'failed' && !stopped))
        return found('export-ended');
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}
