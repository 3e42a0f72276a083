import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';

/** What a thread that uses this package is to close its port on. */
export const CLOSE = 'close' as const;

/** Loading the modules of a thread takes a tenth of this; one that is still busy then has loaded them. */
const PATIENCE_MS = 1_500;

/**
 * Ends a thread, asked first: terminating one while it loads the foreign-function library makes that library
 * abort the whole process. A thread that doesn't close its port in time is terminated.
 */
export async function endThread(thread: Worker): Promise<void> {
  // A thread that has ended has no id any more.
  if (thread.threadId < 0) return;
  const over = new AbortController();
  const exited = once(thread, 'exit', { signal: over.signal });
  thread.postMessage(CLOSE);
  await Promise.race([exited, delay(PATIENCE_MS, undefined, { signal: over.signal })]).catch(() => undefined);
  over.abort();
  await thread.terminate();
}
