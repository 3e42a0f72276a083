import { setTimeout } from 'node:timers/promises';
import { StoreError, type StoreErrorCode } from './error.ts';

/** Attempts in all, and the pause before the second; each further pause is twice as long. */
export interface RetryRule {
  attempts: number;
  pauseMs: number;
}

export type RetryPolicy = Partial<Record<StoreErrorCode, RetryRule>>;

/**
 * What is tried again here; whoever called (a queue job) tries again beyond that. Every other code says
 * something that doesn't pass by itself. The pauses add up to at most 7 s.
 */
export const RETRY_POLICY: RetryPolicy = {
  // A connection that a server closed while it was idle, a server that restarts.
  UNREACHABLE: { attempts: 4, pauseMs: 300 },
  // S3 documents 500 and 503 as passing errors that a client must repeat.
  UNAVAILABLE: { attempts: 4, pauseMs: 300 },
  // The server asked for fewer requests: longer pauses.
  THROTTLED: { attempts: 4, pauseMs: 1000 },
};

/** Runs `operation` until it succeeds or `policy` has had enough; rejects with its last error. */
export async function withRetries<T>(
  operation: () => Promise<T>,
  { policy = RETRY_POLICY, signal }: { policy?: RetryPolicy; signal?: AbortSignal },
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await operation();
    } catch (error) {
      await pauseAfter(error, { attempt, policy, signal });
    }
  }
}

/** Waits before the next attempt, or rejects with `error` where there is to be none. */
export async function pauseAfter(
  error: unknown,
  { attempt, policy, signal }: { attempt: number; policy: RetryPolicy; signal?: AbortSignal },
): Promise<void> {
  const rule = error instanceof StoreError ? policy[error.code] : undefined;
  if (!rule || attempt >= rule.attempts) throw error;
  await pause(rule.pauseMs * 2 ** (attempt - 1), signal);
}

/** Half to all of `ms`, at random: clients that failed together shall not come back together. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await setTimeout(ms * (0.5 + Math.random() / 2), undefined, { signal });
  } catch (cause) {
    throw new StoreError('ABORTED', 'the caller gave up while the store was about to be asked again', {
      cause,
    });
  }
}
