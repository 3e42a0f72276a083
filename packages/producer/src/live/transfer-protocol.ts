import type { PlannedRoot } from '@longshore/shared';
import type { DriftFound } from '@longshore/tape';

/** A part of the tape that lies in one item. */
export interface Piece {
  item: number;
  start: number;
  end: number;
}

/** What a transfer thread is to give, in order. */
export interface TransferTask {
  /** The volume's path here. */
  volume: string;
  root: PlannedRoot;
  /** Where the plan's segments are. */
  folder: string;
  pieces: Piece[];
  /** Zeros behind them: the tape's end, or a part of it. */
  trailer: number;
}

/** What a transfer thread starts with. */
export interface TransferThreadData {
  /** SLOTS frames, which it fills in turn. */
  buffer: SharedArrayBuffer;
  /** Two Int32: whether to stop, and how many slots are free. */
  control: SharedArrayBuffer;
}

/** Indexes into `control`. */
export const STOP = 0;
export const FREE = 1;

/** One is filled while the other is sent. */
export const SLOTS = 2;

export type TransferReply =
  /** A slot is filled, with so many bytes; it's the thread's again once it's counted as free. */
  | { kind: 'filled'; slot: number; bytes: number }
  | { kind: 'finished' }
  /** `CODE: sentence`, as jobs fail; and what DRIFT is about. */
  | { kind: 'failed'; reason: string; drift: DriftFound | undefined };
