import type { Format, OnChange, PlannedRoot } from '@longshore/shared';
import type { IoErrorPolicy, ItemRecord } from '@longshore/tape';

/** Size of the buffers that compressed bytes are handed over in: a few for an item, and little of the last one unused. */
export const OUTPUT_BUFFER_BYTES = 4 * 2 ** 20;

/** Where a rendered item goes: into buffers, or, where it's too large for memory, into a local file. */
export type Output = { kind: 'memory' } | { kind: 'file'; path: string };

export interface RenderTask {
  export: string;
  /** The volume's path on this worker. */
  volume: string;
  root: PlannedRoot;
  /** Local file with the item's catalog segment. */
  segment: string;
  /** Tape range in bytes, `end` exclusive. */
  range: { start: number; end: number };
  format: Format;
  level: number;
  onChange: OnChange;
  ioErrors: IoErrorPolicy;
  output: Output;
  /** Whether the compressed bytes' SHA-256 is wanted. */
  payloadHash: 'sha256' | 'none';
}

/**
 * To a render thread: a task with buffers that it may fill. They are shared and not transferred: V8 takes a large
 * buffer that comes to another thread for garbage to come, and collected it in a tenth of an export's CPU time.
 */
export interface RenderMessage {
  task: RenderTask;
  buffers: SharedArrayBuffer[];
}

export type Rendered = Pick<ItemRecord, 'crc32' | 'frames' | 'crcs' | 'drift' | 'bytes' | 'archiveCrc32'> & {
  /** SHA-256 (hex) of the compressed bytes, where it was wanted. */
  sha256: string | undefined;
};

export type RenderReply =
  /** With the task's buffers and those that were needed beyond them, filled one after the other. */
  | { kind: 'rendered'; rendered: Rendered; buffers: SharedArrayBuffer[] }
  /** What the system said when the output's file was written. */
  | { kind: 'unwritable'; errno: string; message: string }
  /** `CODE: sentence`, as jobs fail. */
  | { kind: 'failed'; reason: string };
