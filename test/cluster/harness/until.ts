import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 100;

/** Looking takes at most a quarter of the time, or little of it: the rest is for what is waited for. */
const PAUSES_PER_LOOK = 3;
const MAX_PAUSE_MS = 3_000;

export interface Wait {
  /** What isn't there yet, for the error: `the API server is ready`. */
  what: string;
  withinMs: number;
  signal?: AbortSignal;
  /** Throws when waiting on is in vain. */
  check?: () => void;
}

/** Resolves once the condition holds. A condition that rejects doesn't hold yet; the last reason is told. */
export async function until(condition: () => Promise<boolean>, wait: Wait): Promise<void> {
  const deadline = performance.now() + wait.withinMs;
  let reason: unknown;
  const holds = () =>
    condition().catch((error: unknown) => {
      reason = error;
      return false;
    });
  for (;;) {
    const start = performance.now();
    if (await holds()) return;
    wait.signal?.throwIfAborted();
    wait.check?.();
    if (performance.now() > deadline) {
      throw new Error(`after ${wait.withinMs / 1000} s it still isn't so that ${wait.what}`, {
        cause: reason,
      });
    }
    const pause = PAUSES_PER_LOOK * (performance.now() - start);
    await delay(Math.min(MAX_PAUSE_MS, Math.max(LOOK_AGAIN_MS, pause)));
  }
}

/**
 * Like `Promise.all`, but settles when all have: nothing works on at what the caller takes away after a failure. The
 * first one's reason is told, in the order given.
 */
export async function allOf<const Work extends readonly Promise<unknown>[]>(
  work: Work,
): Promise<{ -readonly [Index in keyof Work]: Awaited<Work[Index]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
