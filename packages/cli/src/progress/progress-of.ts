import type { ExportStatus } from '@longshore/shared';
import type { Progress } from './speed.ts';

/** A server's status as the counters that Redis has, and what else reporters take. */
export function progressOf({ phase, progress, error }: ExportStatus): Progress {
  return { ...progress, planned: Number(progress.planned), phase, waitingFor: error?.message };
}
