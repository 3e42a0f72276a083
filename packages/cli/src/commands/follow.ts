import { setTimeout as delay } from 'node:timers/promises';
import { type Outcome, readOutcome } from '@longshore/producer';
import type { Counters, ExportResult, Order } from '@longshore/shared';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { CliError } from '../error.ts';
import type { Reporter } from '../progress/reporter.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Finalizing a small export takes half a second, and it shall not wait for its end to be noticed. */
const POLL_MS = { packing: 200, finalizing: 20 };

function pauseOf({ planned, items, doneItems }: Counters): number {
  return planned === 1 && doneItems === items ? POLL_MS.finalizing : POLL_MS.packing;
}

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
    await unlessAborted(delay(pauseOf(outcome.counters)), signal);
  }
}
