import { FinalizeJob, type JobName, PackJob, PlanJob, WeldJob } from '@longshore/shared';
import type { Store } from '@longshore/store';
import type { z } from 'zod';
import { assembleAhead } from './assemble-ahead.ts';
import { WorkerError } from './error.ts';
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
  const packs = record.attempt === run.attempt.id ? 1 : 0;
  const counting = { redis: run.redis, queue: run.queue.name, exportId: run.data.export, packs } as const;
  refuseTooLarge(await countPacked(record, counting), context.store);
  await assembleAhead({ context, signal: run.attempt.signal, spool: run.spool }, record.item);
}

/** Fails an export that outgrows its store as soon as it does, not when all of it has been uploaded. */
function refuseTooLarge(archiveBytes: number, { uri, maxObjectBytes }: Store): void {
  if (archiveBytes <= maxObjectBytes) return;
  const message = `The archive is larger than the ${maxObjectBytes} bytes that ${uri} takes as one object: export the volume's folders one by one.`;
  throw new WorkerError('ARCHIVE_TOO_LARGE', message);
}

async function weld(run: JobRun): Promise<void> {
  const context = await run.contexts.get(run.data);
  await weldRunts(context, { ...run, data: WeldJob.parse(run.data) });
}
