import {
  type FinalizeJob,
  JOB_OPTIONS,
  jobId,
  type Order,
  type PackJob,
  type PlanJob,
  PREFIX,
} from '@longshore/shared';
import { ErrorCode, FlowProducer, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { ProducerError } from './error.ts';

/** Packs that one call adds; Redis serves nobody else meanwhile, for up to 66 ms at 1,000. */
const PACKS_PER_CALL = 1_000;

/** Enqueues `finalize ← plan`. Doing it twice does it once. */
export async function addExportFlow(
  order: Pick<Order, 'id' | 'destination'>,
  { connection, queue }: { connection: Redis; queue: string },
) {
  const flow = new FlowProducer({ connection, prefix: PREFIX });
  const data: PlanJob & FinalizeJob = { export: order.id, destination: order.destination };
  try {
    await flow.add({
      name: 'finalize',
      queueName: queue,
      data,
      opts: { ...JOB_OPTIONS, jobId: jobId.finalize(order.id) },
      children: [
        {
          name: 'plan',
          queueName: queue,
          data,
          opts: { ...JOB_OPTIONS, jobId: jobId.plan(order.id), removeOnComplete: true },
        },
      ],
    });
  } finally {
    await flow.close();
  }
}

/**
 * Adds one pack, as `addPacks` does. BullMQ makes a pipeline for every call that adds several jobs, 10 KB of objects
 * that outlive a young garbage collection: a planner that adds thousands of packs one by one grew by 90 MB.
 */
export async function addPack(queue: Queue, pack: PackJob): Promise<void> {
  const { name, data, opts } = packJob(queue, pack);
  try {
    await queue.add(name, data, opts);
  } catch (error) {
    const gone = error instanceof Error && 'code' in error && error.code === ErrorCode.ParentJobNotExist;
    throw gone ? flowGone() : error;
  }
}

/**
 * Adds packs as children of the export's finalize job. Must be called while that job has an unfinished
 * child, or while it is active itself: the queue doesn't check that a parent still waits. Rejects with
 * FLOW_GONE where the parent isn't in the queue.
 */
export async function addPacks(queue: Queue, packs: readonly PackJob[]): Promise<void> {
  for (let at = 0; at < packs.length; at += PACKS_PER_CALL) {
    const added = await queue.addBulk(
      packs.slice(at, at + PACKS_PER_CALL).map((pack) => packJob(queue, pack)),
    );
    // BullMQ reports a missing parent as a negative id (a number, whatever its types say), not as an error.
    if (added.some(({ id }) => Number(id) < 0)) throw flowGone();
  }
}

function packJob(queue: Queue, pack: PackJob) {
  return {
    name: 'pack',
    data: pack,
    opts: {
      ...JOB_OPTIONS,
      jobId: jobId.pack(pack.export, pack.item),
      parent: { id: jobId.finalize(pack.export), queue: queue.qualifiedName },
      // A planner that runs again adds finished items again, and they must run to be found finished.
      removeOnComplete: true,
      // Item numbers, so that a small export isn't stuck behind a large one. 0 would mean "before all".
      priority: pack.item + 1,
    },
  };
}

function flowGone(): ProducerError {
  return new ProducerError(
    'FLOW_GONE',
    'The export is no longer in the queue: it was cancelled, or Redis was emptied.',
  );
}
