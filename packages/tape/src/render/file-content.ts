import { readSync } from 'node:fs';
import type { DriftKind } from '@longshore/shared';
import { crc32Zeros } from '../crc.ts';
import type { Entry } from '../entry.ts';
import { TapeError } from '../error.ts';
import { OpenFile, type Volume } from '../volume.ts';
import { driftOf } from './drift.ts';
import type { FrameAssembler } from './frame-assembler.ts';

/** What becomes of a read error that may be the volume's and may be the file's: EIO. */
export type IoErrorPolicy = 'retry-item' | 'record-unreadable';

export interface ContentSource {
  volume: Volume;
  inodes: 'stable' | 'unstable';
  ioErrors: IoErrorPolicy;
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

/** Copies the file's bytes of `range`, its holes unread. */
function copy(source: ContentSource, { file, entry, range }: Opened, frames: FrameAssembler): Copied {
  let crc = 0;
  let at = range.start;
  try {
    while (at < range.end) {
      const data = file.nextData(at, range.end);
      crc = blank(frames, data - at, crc);
      at = data;
      if (at === range.end) break;
      const end = file.dataEnd(at, range.end);
      const read = frames.read(end - at, crc, (target) => readSync(file.fd, target, 0, target.length, at));
      if (read.bytes === 0) break;
      crc = read.crc;
      at += read.bytes;
    }
  } catch (error) {
    if (source.ioErrors === 'retry-item' || errnoOf(error) !== 'EIO') throw asTapeError(error, entry);
    return { at, crc, failed: 'unreadable' };
  }
  return { at, crc, failed: undefined };
}

const errnoOf = (error: unknown) =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined;

/** Errors of a read that say that the volume, not the file, is in trouble; the item is packed again later. */
const VOLUME_ERRORS = new Set(['ESTALE', 'EIO', 'ENXIO', 'ENODEV', 'ETIMEDOUT', 'ENOTCONN', 'EHOSTDOWN']);

function asTapeError(error: unknown, entry: Entry): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof TapeError || !VOLUME_ERRORS.has(errno)) return error;
  const name = JSON.stringify(entry.path.toString());
  return new TapeError('IO', `Reading ${name} failed with ${errno}.`, { cause: error, errno });
}

/** Renders a file's bytes of `range`, and zeros where they can't be had; never more and never fewer bytes. */
export function renderContent(
  source: ContentSource,
  { entry, range }: Piece,
  frames: FrameAssembler,
): RenderedContent {
  const opened = source.volume.openFile(entry.path);
  if (!(opened instanceof OpenFile)) {
    return { crc: blank(frames, range.end - range.start, 0), drift: opened.kind };
  }
  using file = opened;
  const before = driftOf(entry, file.stat, source.inodes);
  const copied = copy(source, { file, entry, range }, frames);
  const crc = blank(frames, range.end - copied.at, copied.crc);
  const short: DriftKind | undefined = copied.at < range.end ? 'shrank' : undefined;
  return { crc, drift: copied.failed ?? before ?? short ?? driftOf(entry, file.restat(), source.inodes) };
}
