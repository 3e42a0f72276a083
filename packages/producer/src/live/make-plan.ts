import { TapeError } from '@longshore/tape';
import { ProducerError } from '../error.ts';
import type { PlannedSegment } from '../plan/planner.ts';
import { PlanningThread } from '../plan/planning-thread.ts';
import { etagOf, type LivePlan } from './plan.ts';

export interface MakePlanOptions {
  volume: string;
  /** The volume's path here. */
  path: string;
  /** An empty folder, which holds the plan's segments afterwards. */
  folder: string;
  /** Longshore's version. */
  longshore: string;
  /** What the segments may take. */
  maxBytes: number;
  signal: AbortSignal;
}

/**
 * Walks a volume and lays out its tape, in a thread. Rejects with the thread's error, and with PLAN_TOO_LARGE once the
 * segments take more than they may.
 */
export async function makePlan(options: MakePlanOptions): Promise<LivePlan> {
  const { volume, path, longshore, signal } = options;
  const begun = Date.now();
  await using thread = await PlanningThread.start({
    volume: path,
    exclude: [],
    spool: options.folder,
    signal,
  });
  const { root } = thread;
  const { last, catalogBytes } = await gather(thread, options);
  const planned = Date.now();
  return {
    ...{ version: 1, volume, path, root, catalogBytes, planned },
    etag: etagOf({ digest: last.digest, longshore }),
    tapeBytes: last.end,
    files: last.filesSoFar,
    tookMs: planned - begun,
  };
}

async function gather(thread: PlanningThread, { volume, maxBytes }: MakePlanOptions) {
  let last: PlannedSegment | undefined;
  let catalogBytes = 0;
  for await (const segment of thread.run()) {
    last = segment;
    catalogBytes += segment.bytes;
    if (catalogBytes > maxBytes) throw tooLarge(volume, maxBytes);
  }
  if (!last) throw new TapeError('CORRUPT', 'The planner gave no segment.');
  return { last, catalogBytes };
}

function tooLarge(volume: string, bytes: number): ProducerError {
  return new ProducerError(
    'PLAN_TOO_LARGE',
    `The volume ${volume} has more files than can be planned within ${bytes} bytes here: raise live.bytes, or export it.`,
  );
}
