import type { PackJob } from '@longshore/shared';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Attempt } from './attempt.ts';
import type { ExportContext, ExportContexts } from './export-context.ts';
import type { RenderThreads } from './threads/render-threads.ts';

/** How the planner, which is the producer's, is run by a worker: see `planJob` in the producer. */
export type PlanProcessor = (options: {
  order: ExportContext['order'];
  store: ExportContext['store'];
  volume: string;
  spool: string;
  queue: Queue;
  redis: Redis;
  signal: AbortSignal;
}) => Promise<void>;

/** How more packs are added to an export that is being finalized: see `addPacks` in the producer. */
export type AddPacks = (queue: Queue, packs: readonly PackJob[]) => Promise<void>;

/** What the processing of one job has at hand. */
export interface JobRun {
  /** The job's data: what every kind of job has. */
  data: { export: string; destination: string };
  attempt: Attempt;
  contexts: ExportContexts;
  threads: RenderThreads;
  queue: Queue;
  redis: Redis;
  /** Local folder for intermediate files. */
  spool: string;
  plan: PlanProcessor;
  addPacks: AddPacks;
}
