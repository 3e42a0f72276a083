import type { Format } from '@longshore/shared';
import type { IndexedFrame } from '@longshore/tape';
import type { Root } from '@longshore/tape/posix';
import type { Span } from '../archive/span.ts';

/** What a thread starts with. */
export interface ExtractThreadData {
  indexFile: string;
  /** The target, by this process's descriptor of it. */
  root: Root;
  owners: boolean;
}

/** A large file's path, and where all of its content is on the tape: its task has a part of that. */
export interface FilePart {
  /** Absent where the file couldn't be made: the part is read, and not written. */
  path: Uint8Array | undefined;
  content: Span;
}

/** Whole entries, or a part of a large file. */
export interface ExtractTask {
  format: Format;
  /** The tape of these entries, or this part; the file's header belongs to its first part. */
  range: Span;
  /** Ids of the entries. */
  first: number;
  last: number;
  part?: FilePart;
  /** Frames that hold the range, and the archive's bytes from the first one on. */
  frames: readonly IndexedFrame[];
  archiveOffset: number;
  bytes: Uint8Array<SharedArrayBuffer>;
}

/**
 * What became of an entry that isn't as it was: it can't be read or has another CRC-32 (and is there as far as it can
 * be read); it can't be made at all; something of it can't be set.
 */
export type Trouble =
  | { id: number; kind: 'unreadable' }
  | { id: number; kind: 'crc32' }
  | { id: number; kind: 'failed'; errno: string }
  | { id: number; kind: 'unset'; what: string; errno: string };

export interface ExtractReply {
  /** Of the task's range. */
  tapeCrc32: number;
  /** Of a part's content. */
  contentCrc32: number;
  troubles: Trouble[];
  /** Headers of what is finished later: of directories, and of a large file. Those alone that say more than the index. */
  headers: { id: number; header: Uint8Array }[];
}
