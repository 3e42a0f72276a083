import { setTimeout as delay } from 'node:timers/promises';
import { exportKeys, jobId, type Order, type Signal } from '@longshore/shared';
import type { Queue } from 'bullmq';
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

const DRAIN_POLL_MS = 100;

/** Waits until no worker has a job of the export any more, or `timeoutMs` have passed; says which. */
export async function drained(
  order: Order,
  { queue, timeoutMs }: { queue: Queue; timeoutMs: number },
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const active = await queue.getActive();
    if (!active.some((job) => job?.data.export === order.id)) return true;
    if (Date.now() > deadline) return false;
    await delay(DRAIN_POLL_MS);
  }
}

/** Removes every job and key of an export that has ended, so that Redis holds nothing of it. */
export async function forgetExport(order: Order, { queue, redis }: QueueAccess): Promise<void> {
  const finalize = await queue.getJob(jobId.finalize(order.id));
  await finalize?.remove({ removeChildren: true });
  const { signal, done, counters } = exportKeys(queue.name, order.id);
  await redis.del(signal, done, counters);
}
