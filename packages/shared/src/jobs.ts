import { z } from 'zod';

/** The standalone queue: one for a whole pool, so that many exports share its workers. */
export const QUEUE = 'exports';

/** BullMQ's key prefix. Every key of Longshore's own stands below `PREFIX:QUEUE:`, where a tenant's ACL reaches. */
export const PREFIX = 'bull';

const ExportJob = z.object({ export: z.string(), destination: z.string() });

export const PlanJob = ExportJob;
export type PlanJob = z.infer<typeof PlanJob>;

/** `start` and `end` are tape offsets in bytes; `digest` is the SHA-256 of the item's catalog segment. */
export const PackJob = ExportJob.extend({
  item: z.number().int().min(0).max(9_998),
  start: z.number().int(),
  end: z.number().int(),
  digest: z.string(),
});
export type PackJob = z.infer<typeof PackJob>;

/**
 * Joins runts of neighbouring items, from `first` on, into the part of item `first`: of each item that of the attempt
 * that the finalizer chose, in order; `padding` is how many bytes follow them.
 */
export const WeldJob = ExportJob.extend({
  first: z.number().int().min(0).max(9_998),
  attempts: z
    .array(z.string().regex(/^[0-9a-f]{16}$/))
    .min(1)
    .max(9_999),
  padding: z.number().int().min(0),
});
export type WeldJob = z.infer<typeof WeldJob>;

export const FinalizeJob = ExportJob;
export type FinalizeJob = z.infer<typeof FinalizeJob>;

export type JobName = 'plan' | 'pack' | 'weld' | 'finalize';

/**
 * BullMQ options of every job. Attempts are counted by the worker, per kind of error: its table of retries says
 * when to give up. This number only has to be larger than any of those.
 */
export const JOB_OPTIONS = { attempts: 1_000, backoff: { type: 'custom' } };

/** Job ids: chosen, so that adding a job twice adds it once. BullMQ forbids `:` and all-digit ids. */
export const jobId = {
  finalize: (exportId: string) => `${exportId}-finalize`,
  plan: (exportId: string) => `${exportId}-plan`,
  pack: (exportId: string, item: number) => `${exportId}-${item}`,
  weld: (exportId: string, first: number) => `${exportId}-weld-${first}`,
};

/** Redis keys and channels of one export, beside BullMQ's own. */
export function exportKeys(queue: string, exportId: string) {
  const root = `${PREFIX}:${queue}:longshore:${exportId}`;
  return {
    /** BullMQ's hash of the finalize job: there from the order until the export is forgotten. */
    finalize: `${PREFIX}:${queue}:${jobId.finalize(exportId)}`,
    /** String `stop`; absent while the export may run. Also the channel that announces a change. */
    signal: `${root}:signal`,
    /** Bitmap: bit N is set once item N is packed. */
    done: `${root}:done`,
    /** Hash of `Counters`. */
    counters: `${root}:counters`,
    /** List of `TIME:BYTES`, the newest first: when (ms since 1970), and how much of the tape was packed then. */
    samples: `${root}:samples`,
  };
}

/** What `signal` may say: `stop` ends every attempt at the export's jobs. */
export type Signal = 'stop';
