import { FinalizeJob, type JobName, PackJob, PlanJob, WeldJob } from '@longshore/shared';
import type { z } from 'zod';
import { finalizeJob } from './finalize/finalize-job.ts';
import { weldRunts } from './finalize/welds.ts';
import type { JobRun } from './job-run.ts';
import { pack } from './pack.ts';
import { countPacked } from './progress.ts';
import { SpoolFolder } from './spool.ts';

interface Processor {
  data: z.ZodType<{ export: string; destination: string }>;
  run(run: JobRun): Promise<unknown>;
}

/** What each kind of job carries, and how it's done. Data is checked: in a shared Redis anybody may write it. */
export const PROCESSORS: Record<JobName, Processor> = {
  plan: { data: PlanJob, run: plan },
  pack: { data: PackJob, run: packItem },
  weld: { data: WeldJob, run: weld },
  finalize: { data: FinalizeJob, run: finalizeJob },
};

async function plan(run: JobRun): Promise<void> {
  const { order, store, volume } = await run.contexts.get(run.data);
  await using folder = await SpoolFolder.make(run.spool);
  const { queue, redis, attempt } = run;
  await run.plan({ order, store, volume, queue, redis, spool: folder.path, signal: attempt.signal });
}

async function packItem(run: JobRun): Promise<void> {
  const context = await run.contexts.get(run.data);
  const record = await pack({ ...run, context, data: PackJob.parse(run.data) });
  await countPacked(record, { redis: run.redis, queue: run.queue.name, exportId: run.data.export });
}

async function weld(run: JobRun): Promise<void> {
  const context = await run.contexts.get(run.data);
  await weldRunts(context, { ...run, data: WeldJob.parse(run.data) });
}
