import { CONSISTENCIES, ExportResult, FORMATS, ON_CHANGE, PHASES, TERMINAL_PHASES } from '@longshore/shared';
import { z } from 'zod';

const count = z.number().int().min(0);
const Upload = z.object({ key: z.string(), id: z.string() });

export const RecordedRequest = z.object({
  /** Names that an operator configured; in a cluster NAMESPACE/CLAIM[/PATH] and NAMESPACE/SECRET[/PREFIX]. */
  volume: z.string(),
  destination: z.string(),
  name: z.string(),
  format: z.enum(FORMATS),
  level: z.number().int(),
  exclude: z.array(z.string()),
  onChange: z.enum(ON_CHANGE),
  /** In a cluster; somebody may change it at any time, so a record's update leaves it as it is. */
  workers: count.optional(),
  /** In a cluster: what is read, and with consistency Snapshot the class of the snapshot, where one was named. */
  consistency: z.enum(CONSISTENCIES).optional(),
  snapshotClass: z.string().optional(),
});

/**
 * One try at an export, with an order, a work area and an upload of its own. A retry goes on with the one that
 * there is; only where its upload is gone, a new one begins.
 */
export const Run = z.object({
  /** The order's id. */
  id: z.string(),
  /**
   * Ids of uploads of the archive's key that were open before this run opened its own. It's written before the
   * upload is opened: whoever comes after a crash knows by it which upload nobody has written down.
   */
  foreignUploads: z.array(z.string()),
  /** Absent until it's open. */
  upload: Upload.optional(),
  /** Whether the order stands in the work area, and jobs may be added. */
  ordered: z.boolean(),
  /** Uid of the snapshot or clone that it reads instead of the claim, once that's there: it must stay the same one. */
  copy: z.string().optional(),
  /** Whether nothing of it can be used: a retry takes it away, and begins another one. */
  spoiled: z.boolean().optional(),
});
export type Run = z.infer<typeof Run>;

/**
 * What there is to do, as the callers want it: the latest wish counts. `delete` takes what was published away, `forget`
 * leaves it; `delete` is for exports that have ended, `forget` ends them.
 */
export const WISHES = ['run', 'suspend', 'cancel', 'delete', 'forget'] as const;
export type Wish = (typeof WISHES)[number];

/** What is kept of an export from its request to its deletion. */
export const ExportRecord = z.object({
  version: z.literal(1),
  id: z.string().regex(/^[a-z][a-z0-9]{7,62}$/),
  /** Counts the record's changes: a change is refused where it isn't based on the latest. */
  revision: count,
  created: z.iso.datetime(),
  request: RecordedRequest,
  wish: z.enum(WISHES),
  /** As last derived; see phase.ts. */
  phase: z.enum(PHASES),
  /** How often the export was asked to be tried again. */
  retried: count,
  run: Run.optional(),
  /** How many runs there were. */
  runs: count,
  started: z.iso.datetime().optional(),
  ended: z.iso.datetime().optional(),
  /**
   * When the reconciler has to look again, in ms since 1970; 0 is at once, and an absent one is never: nothing is
   * left to be done.
   */
  due: count.optional(),
  /** Since when, and how often, what has to be done couldn't be. */
  trouble: z
    .object({ since: z.iso.datetime(), tries: count, code: z.string(), message: z.string() })
    .optional(),
  failure: z.object({ code: z.string(), message: z.string() }).optional(),
  result: ExportResult.optional(),
  /** The counters when the export stopped for good. */
  counters: z.record(z.string(), z.number()).optional(),
});
export type ExportRecord = z.infer<typeof ExportRecord>;

export function hasEnded({ phase }: Pick<ExportRecord, 'phase'>): boolean {
  return TERMINAL_PHASES.has(phase);
}
