import { createHash } from 'node:crypto';
import { PlannedRoot } from '@longshore/shared';
import { TRAILER_BYTES } from '@longshore/tape';
import { z } from 'zod';

const count = z.number().int().min(0);

/** What stands in a plan's folder beside its catalog segments, and outlives the server. */
export const LivePlan = z.object({
  version: z.literal(1),
  volume: z.string(),
  /** Where the volume was when it was planned; one that's elsewhere now is planned again. */
  path: z.string(),
  /** Without quotes. */
  etag: z.string().regex(/^[0-9a-f]{32}$/),
  root: PlannedRoot,
  /** Without the trailer. */
  tapeBytes: count,
  files: count,
  /** Of the segments. */
  catalogBytes: count,
  /** When planning was over, and how long it took: ms. */
  planned: count,
  tookMs: count,
  /**
   * Why it isn't served any more, though it's remembered: `failed`, because the volume has changed or gone; `evicted`,
   * because its segments had to make room.
   */
  ended: z.enum(['failed', 'evicted']).optional(),
});
export type LivePlan = z.infer<typeof LivePlan>;

/** Length of the archive in bytes. */
export function archiveBytes({ tapeBytes }: LivePlan): number {
  return tapeBytes + TRAILER_BYTES;
}

/**
 * A plan's ETag. The last segment's digest stands for all segments, each of which has the digest of the one before
 * in its head; and so for every name, size and time in them. A header's bytes may be another version's otherwise.
 */
export function etagOf({ digest, longshore }: { digest: string; longshore: string }): string {
  return createHash('sha256').update(`live 1 ${longshore} ${digest}`).digest('hex').slice(0, 32);
}
