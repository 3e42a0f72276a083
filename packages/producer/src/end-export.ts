import { setTimeout as delay } from 'node:timers/promises';
import { exportKeys, jobId, type Order, type Signal } from '@longshore/shared';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

interface QueueAccess {
  queue: Queue;
  redis: Redis;
}

/** Tells every worker to stop this export's jobs: by a key that they poll, and a message that makes it quick. */
export async function signalExport(
  order: Order,
  signal: Signal,
  { queue, redis }: QueueAccess,
): Promise<void> {
  const key = exportKeys(queue.name, order.id).signal;
  await redis.multi().set(key, signal).publish(key, signal).exec();
}

async function activeJobs({ id }: Order, queue: Queue): Promise<Job[]> {
  const active = await queue.getActive();
  // A job may be gone between its id and its data.
  return active.filter((job) => job?.data.export === id);
}

const DRAIN_POLL_MS = 100;

/** Waits until no worker has a job of the export any more, or `timeoutMs` have passed; says which. */
export async function drained(
  order: Order,
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
 * Removes every job and key of an export that has ended, so that Redis holds nothing of it. A worker that still
 * has a job of it, because it is dead or doesn't listen, loses its lock: what it does from then on has no effect.
 */
export async function forgetExport(order: Order, { queue, redis }: QueueAccess): Promise<void> {
  const finalize = await queue.getJob(jobId.finalize(order.id));
  if (finalize) await removeFlow(finalize, order, { queue, redis });
  const { signal, done, counters } = exportKeys(queue.name, order.id);
  await redis.del(signal, done, counters);
}

/** A worker may take one more job between our looking and our removing. */
const REMOVE_TRIES = 5;

async function removeFlow(finalize: Job, order: Order, access: QueueAccess): Promise<void> {
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
async function takeLocks(order: Order, { queue, redis }: QueueAccess): Promise<void> {
  const held = await activeJobs(order, queue);
  if (held.length > 0) await redis.del(held.map(({ id = '' }) => `${queue.toKey(id)}:lock`));
}
