import { type ExportResult, JOB_OPTIONS, jobId, type WeldJob, workArea } from '@longshore/shared';
import { deleteMarked } from '@longshore/store';
import { type Queue, WaitingChildrenError } from 'bullmq';
import type { JobRun } from '../job-run.ts';
import { finalize } from './finalize.ts';

/**
 * The `finalize` job. What it finds missing it adds as further children of itself and waits for them. The
 * result is kept with the job before the work area, which it was made from, is removed.
 */
export async function finalizeJob(run: JobRun): Promise<ExportResult> {
  const { job, signal, token } = run.attempt;
  let result = job.progress as ExportResult | undefined;
  while (!isResult(result)) {
    const context = await run.contexts.get(run.data);
    const outcome = await finalize({
      context,
      signal,
      spool: run.spool,
      assertHeld: () => run.attempt.assertHeld(),
    });
    if (outcome.kind === 'done') {
      result = outcome.result;
      await job.updateProgress({ ...result });
      break;
    }
    if (outcome.kind === 'repack') await run.addPacks(run.queue, outcome.packs);
    else await addWelds(run.queue, outcome.welds);
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
  }
  const { root, order } = workArea(run.data.export);
  await deleteMarked(run.contexts.store(run.data.destination), { prefix: root, marker: order });
  return result;
}

/** A job's progress is 0 until it's set. */
function isResult(progress: unknown): progress is ExportResult {
  return typeof progress === 'object' && progress !== null && 'archive' in progress;
}

async function addWelds(queue: Queue, welds: readonly WeldJob[]): Promise<void> {
  await queue.addBulk(
    welds.map((weld) => ({
      name: 'weld',
      data: weld,
      opts: {
        ...JOB_OPTIONS,
        jobId: jobId.weld(weld.export, weld.first),
        parent: { id: jobId.finalize(weld.export), queue: queue.qualifiedName },
        removeOnComplete: true,
      },
    })),
  );
}
