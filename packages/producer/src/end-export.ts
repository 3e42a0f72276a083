import { setTimeout as delay } from 'node:timers/promises';
import { exportKeys, jobId, type Order, type Signal } from '@longshore/shared';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

export interface QueueAccess {
  queue: Queue;
  redis: Redis;
  /**
   * Takes every job out of a queue that one export has to itself, and leaves what is known of its progress. Jobs name
   * their children and parents, and whoever may write there could name others': nothing that they say is followed.
   */
  empty?: () => Promise<void>;
}

/** What these functions need to know of an order. */
type ExportId = Pick<Order, 'id'>;

/** Tells every worker to stop this export's jobs: by a key that they poll, and a message that makes it quick. */
export async function signalExport(
  order: ExportId,
  signal: Signal,
  { queue, redis }: QueueAccess,
): Promise<void> {
  const key = exportKeys(queue.name, order.id).signal;
  await redis.multi().set(key, signal).publish(key, signal).exec();
}

async function activeJobs({ id }: ExportId, queue: Queue): Promise<Job[]> {
  const active = await queue.getActive();
  // A job may be gone between its id and its data.
  return active.filter((job) => job?.data.export === id);
}

const DRAIN_POLL_MS = 100;

/** Waits until no worker has a job of the export any more, or `timeoutMs` have passed; says which. */
export async function drained(
  order: ExportId,
  { queue, timeoutMs }: { queue: Queue; timeoutMs: number },
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if ((await activeJobs(order, queue)).length === 0) return true;
    if (Date.now() > deadline) return false;
    await delay(DRAIN_POLL_MS);
  }
}

/**
 * Takes the jobs that no worker has out of the queue: workers would take each of them, only to give it up again, and
 * with thousands of them that goes on for seconds. Only after `signalExport`: without children the finalize job is next.
 */
export async function forgetWaiting(order: ExportId, { queue, empty }: QueueAccess): Promise<void> {
  if (empty) return;
  const finalize: Job | undefined = await queue.getJob(jobId.finalize(order.id));
  await finalize?.removeUnprocessedChildren();
}

/** Removes every job and key of an export that has ended, so that Redis holds nothing of it. */
export async function forgetExport(order: ExportId, access: QueueAccess): Promise<void> {
  const { queue, redis } = access;
  await forgetJobs(order, access);
  const { done, counters, samples } = exportKeys(queue.name, order.id);
  await redis.del(done, counters, samples);
}

/**
 * Removes every job of an export that is to stop, and the signal; what is known of its progress stays. A worker that
 * still has a job of it, because it is dead or doesn't listen, loses its lock: what it does from then on has no effect.
 */
export async function forgetJobs(order: ExportId, access: QueueAccess): Promise<void> {
  const { queue, redis, empty } = access;
  if (empty) await empty();
  else await forgetFlow(order, access);
  await redis.del(exportKeys(queue.name, order.id).signal);
}

async function forgetFlow(order: ExportId, access: QueueAccess): Promise<void> {
  const finalize = await access.queue.getJob(jobId.finalize(order.id));
  if (finalize) await removeFlow(finalize, order, access);
}

/** A worker may take one more job between our looking and our removing. */
const REMOVE_TRIES = 5;

async function removeFlow(finalize: Job, order: ExportId, access: QueueAccess): Promise<void> {
  for (let tries = 1; ; tries++) {
    await takeLocks(order, access);
    try {
      return await finalize.remove({ removeChildren: true });
    } catch (error) {
      if (tries === REMOVE_TRIES) throw error;
    }
  }
}

/** BullMQ refuses to remove a job that is locked, and all of its flow with it. */
async function takeLocks(order: ExportId, { queue, redis }: QueueAccess): Promise<void> {
  const held = await activeJobs(order, queue);
  if (held.length > 0) await redis.del(held.map(({ id = '' }) => `${queue.toKey(id)}:lock`));
}
