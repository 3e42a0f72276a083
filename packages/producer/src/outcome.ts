import {
  COUNTER_NAMES,
  type Counters,
  countersOf,
  type ExportResult,
  exportKeys,
  type Failure,
  jobId,
  type Order,
  parseFailure,
} from '@longshore/shared';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/**
 * Where an export stands, told from the queue:
 *
 * - `running`: its finalize job waits for children, or runs;
 * - `failed`: one of its jobs is in the queue's failed set. The finalize job then waits for ever, because a
 *   failed child looks unfinished to its parent; so failure is never read from the parent;
 * - `completed`: the finalize job returned;
 * - `gone`: the queue doesn't know the export: it was cancelled, or Redis lost its data.
 */
export type Outcome =
  | { kind: 'running'; counters: Counters }
  | { kind: 'completed'; result: ExportResult; counters: Counters }
  | { kind: 'failed'; failure: Failure; counters: Counters }
  | { kind: 'gone' };

export async function readOutcome(
  order: Pick<Order, 'id'>,
  { queue, redis }: { queue: Queue; redis: Redis },
): Promise<Outcome> {
  const id = jobId.finalize(order.id);
  const state = await queue.getJobState(id);
  if (state === 'unknown') return { kind: 'gone' };
  const key = exportKeys(queue.name, order.id).counters;
  const counters = countersOf(await redis.hmget(key, ...COUNTER_NAMES));
  if (state === 'completed') {
    // Read after its state: what was read of it before has no result yet.
    const finalize: Job | undefined = await queue.getJob(id);
    return finalize ? { kind: 'completed', result: finalize.returnvalue, counters } : { kind: 'gone' };
  }
  const failed = await firstFailed(queue, order.id);
  if (!failed) return { kind: 'running', counters };
  return { kind: 'failed', failure: parseFailure(failed.failedReason), counters };
}

/** Failed jobs are few: the first one that can't be retried ends its export. */
async function firstFailed(queue: Queue, exportId: string): Promise<Job | undefined> {
  const failed = await queue.getFailed();
  return failed.find((job) => job?.data.export === exportId);
}
