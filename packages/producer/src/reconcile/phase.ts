import type { Counters, Phase } from '@longshore/shared';

/**
 * The phases of an export, who moves it from one to another, and on what ground. Callers never set one: they change
 * the record's *wish* (`run`, `suspend`, `cancel`, `delete`), and the reconciler, which looks at record, queue and
 * store again and again, brings the export to where the wish wants it and writes down what it sees.
 *
 * - **Pending**: requested; begun by `create` and by `retry`. The reconciler probes the destination, opens the upload,
 *   writes the order and adds the jobs. Left when a worker has begun to plan (→ Planning), when the destination
 *   refuses or stays away for too long (→ Failed), by suspension and by cancellation.
 * - **Planning**: the jobs are in the queue, and the planner hasn't told the last item. Packing goes on meanwhile.
 *   Left when the plan is complete (→ Packing).
 * - **Packing**: the volume is planned, and items are left to be packed. Left when all are (→ Finalizing).
 * - **Finalizing**: every item is packed; parts are compared, runts welded, index and manifest published. What turns
 *   out to be missing is packed again, without a step back. Left when the finalize job has returned (→ Completed).
 * - **Suspended**: wanted so; no job of the export is in the queue, its upload and work area wait. Entered from every
 *   phase above once its attempts have stopped; left by `resume`, which adds the jobs again: the planner gives what
 *   is durable back to the queue, and items that have a record aren't packed again.
 * - **Completed**: the manifest is published. Also where the wish was something else by then: an archive that is
 *   there isn't taken back. Final.
 * - **Failed**: a job failed for good, or the export couldn't be begun. Upload and work area are kept for a while, so
 *   that `retry` (→ Pending) goes on where it was; then, or at once where nothing of them can be used (`isSpoiled`), they go.
 * - **Cancelled**: wanted so; upload, work area, jobs and keys are gone. `retry` (→ Pending) begins anew.
 *
 * The terminal ones, Completed, Failed and Cancelled, are left only by `retry`, and by `delete`, which removes what was
 * published, and the record last. A record that has something left to be done is *due*; one that isn't, isn't looked at.
 */
export function workingPhase({ planned, items, doneItems }: Counters): Phase {
  if (!planned) return 'Planning';
  return doneItems < items ? 'Packing' : 'Finalizing';
}
