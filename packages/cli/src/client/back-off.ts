import { setTimeout as delay } from 'node:timers/promises';
import { CliError } from '../error.ts';

/** The first wait before coming back, and the longest; each is twice the one before, and up to half of it is chance. */
const BACK_OFF_MS = { first: 500, most: 10_000 };

/** A server that is being replaced is back by then; a longer absence is somebody's business. */
export const GIVE_UP_MS = 300_000;

/** Errors that may be over when the same is asked for again. */
const PASSING: ReadonlySet<string> = new Set(['SERVER_UNREACHABLE', 'SERVER_FAILED']);

export function isPassing(error: unknown): error is CliError {
  return error instanceof CliError && PASSING.has(error.code);
}

/** Waits after so many failures one upon the other (0 is the first). Rejects with the signal's reason. */
export async function backOff(failures: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(BACK_OFF_MS.most, BACK_OFF_MS.first * 2 ** failures);
  await delay(ms * (1 - Math.random() / 2), undefined, { signal }).catch(() => signal.throwIfAborted());
}
