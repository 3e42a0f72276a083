import { z } from 'zod';

/**
 * The volume's root as the planner saw it, so that whoever opens the volume later can tell that it's the same:
 * below a volume that was unmounted there's a directory too. The device number isn't part of it, because it
 * differs between two mounts of one volume.
 */
export const PlannedRoot = z.object({
  version: z.literal(1),
  /** Decimal: inode numbers have 64 bits. */
  inode: z.string().regex(/^\d+$/),
});
export type PlannedRoot = z.infer<typeof PlannedRoot>;
