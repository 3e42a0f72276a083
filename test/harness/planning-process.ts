import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { addExportFlow, openExport, planJob } from '@longshore/producer';
import { exportKeys, PREFIX, parseCounters, QUEUE } from '@longshore/shared';
import { openStore } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';

/** What this program is to plan: its one message. */
export interface PlanningTask {
  source: string;
  /** An existing folder for what the planner leaves: `archives`, a directory store, and `spool`. */
  folder: string;
  /** Redis URL. */
  redis: string;
}

/** Its answer. */
export interface Planned {
  items: number;
  files: number;
  tapeBytes: number;
  /** From the start of the plan job to its end. */
  ms: number;
  /** Time on a processor meanwhile, of all threads. */
  cpuMs: number;
}

/** Runs one plan job as a worker would, and nothing else: whatever memory this process takes is the planner's. */
async function plan({ source: volume, folder, redis: url }: PlanningTask): Promise<Planned> {
  await using store = await openStore(join(folder, 'archives'));
  const redis = new Redis(url, { maxRetriesPerRequest: null });
  const queue = new Queue(QUEUE, { connection: redis, prefix: PREFIX });
  const { signal } = new AbortController();
  const order = await openExport(
    {
      volume,
      destination: store.uri,
      name: 'planned',
      format: 'tar.zst',
      level: 3,
      exclude: [],
      onChange: 'record',
    },
    { store, build: thisBuild('0.0.0'), signal },
  );
  await addExportFlow(order, { connection: redis, queue: QUEUE });
  const spool = join(folder, 'spool');
  await mkdir(spool);
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await planJob({ order, store, volume, spool, queue, redis, signal });
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  const counters = parseCounters(await redis.hgetall(exportKeys(QUEUE, order.id).counters));
  await queue.close();
  redis.disconnect();
  const { items, files, tapeBytes } = counters;
  return { items, files, tapeBytes, ms, cpuMs: (user + system) / 1000 };
}

process.once('message', async (task: PlanningTask) => {
  try {
    const planned = await plan(task);
    await new Promise((sent) => process.send?.(planned, sent));
  } finally {
    process.disconnect?.();
  }
});
