/**
 * How many attempts may fail with one code; a job fails for good with the last of them, and at once with a code
 * that isn't here. Codes are counted apart: a store that was away for minutes says nothing about a read error.
 */
const ATTEMPTS: Record<string, number> = {
  // A store or network that is away: with the delays below some seven minutes, beside what the store's own
  // retries take.
  UNREACHABLE: 25,
  UNAVAILABLE: 25,
  THROTTLED: 25,
  // A volume that stumbles. On the attempt before the last one a file's EIO is recorded as unreadable.
  IO: 6,
  // A server that stumbles passes; a volume that is gone doesn't, and the user should hear of it soon.
  VOLUME_GONE: 3,
  // Written anew on each attempt, so it helps if the damage was in transit.
  CORRUPT: 3,
  // The next attempt goes on from what the other planner made durable.
  PLAN_OVERTAKEN: 25,
  // A late writer replaced a part between check and completion; the next attempt packs the item again.
  PART_MISMATCH: 25,
  // Killed by the kernel for its memory, perhaps.
  THREAD_DIED: 4,
  // Others' items may be out of it by then.
  OUT_OF_MEMORY: 4,
  PLANNER_DIED: 4,
  SPOOL_FULL: 4,
  // Until somebody makes room; the queue is left in peace meanwhile.
  REDIS_FULL: 25,
  // Not one of ours: a bug, or a system error that has no name here. A few tries cost little.
  INTERNAL: 4,
};

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 30_000;

/** Whether another attempt is worth making after `failed` ones with this code, the last one included. */
export function worthRetrying(code: string, failed: number): boolean {
  return failed < (ATTEMPTS[code] ?? 1);
}

/** Whether an attempt is to take a file's EIO for the file's own: the one before the last that EIO allows. */
export function recordsUnreadable(failedWithIo: number): boolean {
  return failedWithIo + 2 >= ATTEMPTS.IO;
}

/** Delay in ms before the next attempt, after `made` ones of any kind: doubled each time, capped, and halved at random so that workers spread out. */
export function retryDelay(made: number): number {
  const full = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(made - 1, 10));
  return Math.round(full * (0.5 + Math.random() / 2));
}
