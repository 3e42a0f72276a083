import { drained, forgetJobs, forgetWaiting, type QueueAccess, signalExport } from '../end-export.ts';

/** How long workers may take to let go of an export that stops; the jobs of one that takes longer are taken from it. */
const DRAIN_MS = 2_000;

/** Ends every attempt at a run's jobs, and takes the jobs out of the queue. Safe to repeat. */
export async function stopFlow(run: { id: string }, access: QueueAccess): Promise<void> {
  await signalExport(run, 'stop', access);
  await forgetWaiting(run, access);
  await drained(run, { queue: access.queue, timeoutMs: DRAIN_MS });
  await forgetJobs(run, access);
}
