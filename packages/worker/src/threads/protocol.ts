import type { Format, OnChange, PlannedRoot } from '@longshore/shared';
import type { IoErrorPolicy, ItemRecord } from '@longshore/tape';

/** Size of the buffers that carry compressed bytes between threads, and go back and forth for ever. */
export const OUTPUT_BUFFER_BYTES = 8 * 2 ** 20;

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

/** To a render thread: a task with buffers that it may fill. */
export interface RenderMessage {
  task: RenderTask;
  buffers: ArrayBuffer[];
}

export type Rendered = Pick<ItemRecord, 'crc32' | 'frames' | 'crcs' | 'drift' | 'bytes'> & {
  /** SHA-256 (hex) of the compressed bytes, where it was wanted. */
  sha256: string | undefined;
};

export type RenderReply =
  | {
      kind: 'rendered';
      rendered: Rendered;
      chunks: { buffer: ArrayBuffer; bytes: number }[];
      unused: ArrayBuffer[];
    }
  /** `CODE: sentence`, as jobs fail. */
  | { kind: 'failed'; reason: string };
