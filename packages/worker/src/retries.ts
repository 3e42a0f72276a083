import { failureOf } from '@longshore/shared';

/** How often an attempt that failed with this code is made in all; a code that isn't here is made once. */
const ATTEMPTS: Record<string, number> = {
  // A store or network that is away for minutes: with the delays below about ten of them.
  UNREACHABLE: 25,
  UNAVAILABLE: 25,
  THROTTLED: 25,
  // A volume that stumbles. On the attempt before the last one a file's EIO is recorded as unreadable.
  IO: 6,
  // A remount passes; a volume that is gone doesn't, and the user should hear of it soon.
  VOLUME_GONE: 3,
  // Written anew on each attempt, so it helps if the damage was in transit.
  CORRUPT: 3,
  // The next attempt goes on from what the other planner made durable.
  PLAN_OVERTAKEN: 25,
  // A late writer replaced a part between check and completion; the next attempt packs the item again.
  PART_MISMATCH: 25,
  // Killed by the kernel for its memory, perhaps.
  THREAD_DIED: 4,
  PLANNER_DIED: 4,
  SPOOL_FULL: 4,
  // Not one of ours: a bug, or a system error that has no name here. A few tries cost little.
  INTERNAL: 4,
};

export const IO_ATTEMPTS = ATTEMPTS.IO;

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/** Whether another attempt is worth making after `made` attempts, the one that failed included. */
export function worthRetrying(error: unknown, made: number): boolean {
  return made < (ATTEMPTS[failureOf(error).code] ?? 1);
}

/** Delay in ms before the next attempt: doubled each time, capped, and halved at random so that workers spread out. */
export function retryDelay(made: number): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(made - 1, 10));
  return Math.round(full * (0.5 + Math.random() / 2));
}
