import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PREFIX, QUEUE } from '@longshore/shared';
import { Redis } from 'ioredis';

const LOOK_AGAIN_MS = 5;

/** What workers are doing with an export, told from the jobs that they hold. */
export type Phase = 'planning' | 'packing' | 'finalizing';

/** Looks into an export's Redis from outside, as often as a test needs to hit a moment. */
export class QueueView implements Disposable {
  readonly redis: Redis;

  /** `redis`: a URL, or the path of a socket. */
  constructor(redis: string) {
    this.redis = new Redis(redis, { maxRetriesPerRequest: null, retryStrategy: () => LOOK_AGAIN_MS });
    // It may be killed, or not be there yet: both are waited for.
    this.redis.on('error', () => undefined);
  }

  /** Ids of the jobs that workers hold now, or held when they died. */
  active(): Promise<string[]> {
    return this.redis.lrange(`${PREFIX}:${QUEUE}:active`, 0, -1);
  }

  async phase(): Promise<Phase | undefined> {
    const ids = await this.active();
    if (ids.some((id) => id.endsWith('-plan'))) return 'planning';
    if (ids.some((id) => id.endsWith('-finalize'))) return 'finalizing';
    return ids.length > 0 ? 'packing' : undefined;
  }

  /** Waits until workers are in a phase. Rejects with the signal's reason. */
  async reached(phase: Phase, signal?: AbortSignal): Promise<void> {
    while ((await orAborted(this.phase(), signal)) !== phase)
      await delay(LOOK_AGAIN_MS, undefined, { signal });
  }

  /** Id of the one export in this Redis, once it's there. */
  async exportId(): Promise<string> {
    for (;;) {
      const key = (await this.keys()).find((each) => each.endsWith('-finalize'));
      if (key) return key.slice(key.lastIndexOf(':') + 1, -'-finalize'.length);
      await delay(LOOK_AGAIN_MS);
    }
  }

  async keys(): Promise<string[]> {
    return (await this.redis.keys('*')).sort();
  }

  [Symbol.dispose](): void {
    this.redis.disconnect();
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The socket of the private Redis of an export that was started with `temp` as its TMPDIR, once it's there. */
export async function privateRedis(temp: string, signal?: AbortSignal): Promise<string> {
  for (;;) {
    for (const name of readdirSync(temp)) {
      const folder = join(temp, name);
      if (readdirSync(folder).includes('redis.sock')) return join(folder, 'redis.sock');
    }
    await delay(LOOK_AGAIN_MS, undefined, { signal });
  }
}
