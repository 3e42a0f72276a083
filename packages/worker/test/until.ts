import { setTimeout as delay } from 'node:timers/promises';

const ASK_AGAIN_MS = 20;

/** Asks until there is an answer other than undefined or false; rejects when that takes more than `patienceMs`. */
export async function until<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  patienceMs = 20_000,
): Promise<T> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${ask}`);
    await delay(ASK_AGAIN_MS);
  }
}
