import { setTimeout as delay } from 'node:timers/promises';
import { type Outcome, readOutcome } from '@longshore/producer';
import type { Counters, ExportResult, Order } from '@longshore/shared';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { CliError } from '../error.ts';
import type { Reporter } from '../progress/reporter.ts';

const POLL_MS = 200;

export interface FollowOptions {
  queue: Queue;
  redis: Redis;
  reporter: Reporter;
  signal: AbortSignal;
  /** Rejects when the export can't go on, for a reason that the queue doesn't tell. */
  check?: () => Promise<void>;
}

export interface Completed {
  result: ExportResult;
  counters: Counters;
}

/** Redis may be restarting, and its clients wait for it; an interrupt doesn't. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
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

/** Waits for the export's end and reports on the way. Rejects with EXPORT_FAILED, EXPORT_GONE or the signal's reason. */
export async function follow(
  order: Order,
  { reporter, signal, check, ...access }: FollowOptions,
): Promise<Completed> {
  for (;;) {
    const outcome: Outcome = await unlessAborted(readOutcome(order, access), signal);
    if (outcome.kind === 'gone') throw new CliError('EXPORT_GONE', 'The export was removed from the queue.');
    reporter.update(outcome.counters);
    if (outcome.kind === 'completed') return outcome;
    if (outcome.kind === 'failed') throw new CliError('EXPORT_FAILED', outcome.failure.message);
    if (check) await unlessAborted(check(), signal);
    await unlessAborted(delay(POLL_MS), signal);
  }
}
