/**
 * Where an export stands. What enters and leaves each one is told at the head of the producer's phase.ts, where
 * phases are derived; nothing sets them by hand.
 */
export const PHASES = [
  'Pending',
  'Planning',
  'Packing',
  'Finalizing',
  'Suspended',
  'Completed',
  'Failed',
  'Cancelled',
] as const;
export type Phase = (typeof PHASES)[number];

/** An export in one of these has ended; only a retry leads out of it. */
export const TERMINAL_PHASES: ReadonlySet<Phase> = new Set(['Completed', 'Failed', 'Cancelled']);
