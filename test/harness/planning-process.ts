import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { addExportFlow, openExport, planJob } from '@longshore/producer';
import { exportKeys, PREFIX, parseCounters, QUEUE } from '@longshore/shared';
import { openStore } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

/** What this program is to plan, as its one message. */
export interface PlanningTask {
  source: string;
  /** An existing folder for what the planner leaves: `archives`, a directory store, and `spool`. */
  folder: string;
  /** Redis URL. */
  redis: string;
}

/** What it answers at its end. */
export interface Planned {
  exportId: string;
  items: number;
  files: number;
  tapeBytes: number;
  /** From the start of the plan job to its end. */
  ms: number;
}

/** Runs one plan job as a worker would, and nothing else: whatever memory this process takes is the planner's. */
async function plan({ source, folder, redis: url }: PlanningTask): Promise<Planned> {
  await using store = await openStore(join(folder, 'archives'));
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
  const { signal } = new AbortController();
  const request = {
    volume: source,
    destination: store.uri,
    name: 'planned',
    format: 'tar.zst',
    level: 3,
  } as const;
  const order = await openExport(
    { ...request, exclude: [], onChange: 'record' },
    { store, build: thisBuild('0.0.0'), signal },
  );
  await addExportFlow(order, { connection: redis, queue: QUEUE });
  const spool = join(folder, 'spool');
  await mkdir(spool);
  const started = performance.now();
  await planJob({ order, store, volume: source, spool, queue, redis, signal });
  const ms = performance.now() - started;
  const { items, files, tapeBytes } = parseCounters(
    await redis.hgetall(exportKeys(QUEUE, order.id).counters),
  );
  await queue.close();
  redis.disconnect();
  return { exportId: order.id, items, files, tapeBytes, ms };
}

process.once('message', (task: PlanningTask) => {
  plan(task).then(
    (planned) => process.send?.(planned, undefined, undefined, () => process.disconnect()),
    (error: unknown) => {
      process.disconnect();
      throw error;
    },
  );
});
