import { readSync } from 'node:fs';
import type { DriftKind } from '@longshore/shared';
import { crc32Zeros } from '../crc.ts';
import type { Entry } from '../entry.ts';
import { TapeError } from '../error.ts';
import { type OpenFailure, OpenFile, type Volume } from '../volume.ts';
import { driftOf } from './drift.ts';
import type { FrameAssembler } from './frame-assembler.ts';

/** What becomes of an error that may be the volume's and may be the file's: EIO and its like. */
export type IoErrorPolicy = 'retry-item' | 'record-unreadable';

export interface ContentSource {
  volume: Volume;
  inodes: 'stable' | 'unstable';
  ioErrors: IoErrorPolicy;
  /**
   * Where drift isn't recorded but ends everything: throws. It's asked before bytes that aren't the planned ones come
   * to a frame, and so none of them reach who takes the frames.
   */
  refuse?: (entry: Entry, kind: DriftKind) => never;
}

export interface RenderedContent {
  crc: number;
  drift: DriftKind | undefined;
}

/** A range of a file's content, in bytes of the file. */
interface Piece {
  entry: Entry;
  range: { start: number; end: number };
}

interface Opened extends Piece {
  file: OpenFile;
}

/** Writes zeros in place of content that can't be had. */
function blank(frames: FrameAssembler, bytes: number, crc: number): number {
  frames.zeros(bytes);
  return crc32Zeros(crc, bytes);
}

interface Copied {
  /** Where copying stopped: the range's end, the file's end, or where reading failed. */
  at: number;
  crc: number;
  failed: DriftKind | undefined;
}

/** Where drift ends everything, what was just read, or found to be a hole, counts once the file is the same after it. */
function expectPlanned(source: ContentSource, { file, entry }: Opened): void {
  const kind = source.refuse && driftOf(entry, file.restat(), source.inodes);
  if (kind) source.refuse?.(entry, kind);
}

/** Copies the file's bytes of `range`, its holes unread. */
function copy(source: ContentSource, opened: Opened, frames: FrameAssembler): Copied {
  const { file, range } = opened;
  let crc = 0;
  let at = range.start;
  try {
    while (at < range.end) {
      const data = file.nextData(at, range.end);
      if (data > at) expectPlanned(source, opened);
      crc = blank(frames, data - at, crc);
      at = data;
      if (at === range.end) break;
      const end = file.dataEnd(at, range.end);
      const read = frames.read(end - at, crc, (target) => {
        const bytes = readAt(file, target, at);
        expectPlanned(source, opened);
        return bytes;
      });
      if (read.bytes === 0) break;
      crc = read.crc;
      at += read.bytes;
    }
  } catch (error) {
    if (!isUnreadable(error, source.ioErrors)) throw error;
    return { at, crc, failed: 'unreadable' };
  }
  return { at, crc, failed: undefined };
}

/** Reads at most `target`; what the system refuses is IO, and so told from errors of whoever takes the frames. */
function readAt({ fd, path }: OpenFile, target: Buffer, at: number): number {
  try {
    return readSync(fd, target, 0, target.length, at);
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
    const name = JSON.stringify(path.toString());
    throw new TapeError('IO', `Reading ${name} failed with ${errno}.`, { cause, errno });
  }
}

/** A server (NFS) may let a file be opened, and refuse to have it read. */
const DENIED = new Set(['EACCES', 'EPERM', 'ENOKEY']);

/** A bad block or a broken inode, which stays so; or a volume that stumbles, and gets up again. */
const DAMAGED = new Set(['EIO', 'EUCLEAN', 'EBADMSG']);

/** Whether an error is to be taken as one file's own, so that the file becomes zeros. */
function isUnreadable(error: unknown, policy: IoErrorPolicy): boolean {
  const errno = error instanceof TapeError ? error.errno : undefined;
  if (errno === undefined) return false;
  return DENIED.has(errno) || (policy === 'record-unreadable' && DAMAGED.has(errno));
}

function open({ volume, ioErrors }: ContentSource, path: Buffer): OpenFile | OpenFailure {
  try {
    return volume.openFile(path);
  } catch (error) {
    if (!isUnreadable(error, ioErrors)) throw error;
    return { kind: 'unreadable', errno: undefined };
  }
}

/** Renders a file's bytes of `range`, and zeros where they can't be had; never more and never fewer bytes. */
export function renderContent(
  source: ContentSource,
  { entry, range }: Piece,
  frames: FrameAssembler,
): RenderedContent {
  const opened = open(source, entry.path);
  if (!(opened instanceof OpenFile)) {
    source.refuse?.(entry, opened.kind);
    return { crc: blank(frames, range.end - range.start, 0), drift: opened.kind };
  }
  using file = opened;
  const before = driftOf(entry, file.stat, source.inodes);
  if (before) source.refuse?.(entry, before);
  const copied = copy(source, { file, entry, range }, frames);
  const short: DriftKind | undefined = copied.at < range.end ? 'shrank' : undefined;
  const failed = copied.failed ?? short;
  if (failed) source.refuse?.(entry, failed);
  const crc = blank(frames, range.end - copied.at, copied.crc);
  return { crc, drift: copied.failed ?? before ?? short ?? driftOf(entry, file.restat(), source.inodes) };
}
