import type { Format, OnChange, PlannedRoot } from '@longshore/shared';
import type { IoErrorPolicy, ItemRecord } from '@longshore/tape';
import type { OutputMemoryHandle } from './output-memory.ts';

/** Where a rendered item goes: into memory, or, where it's too large for memory, into a local file. */
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

/** What a render thread starts with. */
export interface RenderThreadData {
  /** An Int32 that is 1 once the task is to end. */
  stop: SharedArrayBuffer;
  memory: OutputMemoryHandle;
  /** The thread's number in `memory`. */
  owner: number;
}

export type Rendered = Pick<ItemRecord, 'crc32' | 'frames' | 'crcs' | 'drift' | 'bytes' | 'archiveCrc32'> & {
  /** SHA-256 (hex) of the compressed bytes, where it was wanted. */
  sha256: string | undefined;
};

export type RenderReply =
  /** With the blocks of output memory that were filled, one after the other: none where the output is a file. */
  | { kind: 'rendered'; rendered: Rendered; blocks: number[] }
  /** What the system said when the output's file was written. */
  | { kind: 'unwritable'; errno: string; message: string }
  /** `CODE: sentence`, as jobs fail. */
  | { kind: 'failed'; reason: string };
