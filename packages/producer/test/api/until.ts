import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 10;

/** Waits until `test` gives true; the test's own timeout ends it. */
export async function until(test: () => Promise<boolean>): Promise<void> {
  while (!(await test())) await delay(LOOK_AGAIN_MS);
}
