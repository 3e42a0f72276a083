import { exportKeys, type Order, type PackJob, UNLESS_FORGOTTEN } from '@longshore/shared';
import type { Store } from '@longshore/store';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { addPack } from '../flow.ts';
import { type DurableSegment, planVolume } from './plan-volume.ts';

export interface PlanJobOptions {
  order: Order;
  store: Store;
  /** The volume's path on this worker. */
  volume: string;
  /** An empty local folder, which the caller removes. */
  spool: string;
  queue: Queue;
  redis: Redis;
  signal: AbortSignal;
}

type Adding = Pick<PlanJobOptions, 'order' | 'queue' | 'redis'>;

/** The `plan` job: plans the volume and adds a pack for every item, while the walk goes on. */
export async function planJob(options: PlanJobOptions): Promise<void> {
  await addPlanned(options, planVolume(options));
}

/** Adds a pack for every item, and counts it as planned. */
export async function addPlanned(adding: Adding, segments: AsyncIterable<DurableSegment>): Promise<void> {
  for await (const segment of segments) {
    await addPack(adding.queue, packOf(adding.order, segment));
    await countPlanned(adding, segment);
  }
}

function packOf(order: Order, { item, start, end, digest }: DurableSegment): PackJob {
  return { export: order.id, destination: order.destination, item, start, end, digest };
}

/** Totals are set, not added to, so that planning again counts nothing twice. */
async function countPlanned({ order, queue, redis }: Adding, segment: DurableSegment): Promise<void> {
  const { finalize, counters } = exportKeys(queue.name, order.id);
  const { item, filesSoFar, end, last } = segment;
  const totals = { items: item + 1, files: filesSoFar, tapeBytes: end, planned: last ? 1 : 0 };
  await redis.eval(UNLESS_FORGOTTEN, 2, finalize, counters, 'HSET', ...Object.entries(totals).flat());
}
