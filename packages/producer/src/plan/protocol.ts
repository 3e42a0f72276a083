import type { PlannedRoot } from '@longshore/shared';
import type { PlannedSegment } from './planner.ts';

/** What the plan thread starts with. */
export interface PlanThreadData {
  /** The volume's path on this worker. */
  volume: string;
  exclude: string[];
  /** Local folder for segments and the link groups' scratch file. */
  spool: string;
  /** Two Int32: segments handed over and not yet durable, and whether to stop. */
  control: SharedArrayBuffer;
}

/** Indexes into `control`. */
export const WAITING = 0;
export const STOP = 1;

/** Segments that may wait to be uploaded: enough that walking and uploading overlap. */
export const SLOTS = 4;

export type PlanThreadMessage = { kind: 'replay'; file: string; digest: string } | { kind: 'run' };

export type PlanThreadReply =
  | { kind: 'ready'; root: PlannedRoot }
  | { kind: 'replayed'; start: number; end: number; filesSoFar: number; last: boolean }
  | { kind: 'segment'; segment: PlannedSegment }
  | { kind: 'finished' }
  /** `CODE: sentence`, as jobs fail. */
  | { kind: 'failed'; reason: string };
