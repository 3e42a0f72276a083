import type { DriftKind, OnChange, PlannedRoot } from '@longshore/shared';
import { type PlannedEntry, readSegment } from '../catalog/index.ts';
import type { Codec } from '../codec/codec.ts';
import type { Entry } from '../entry.ts';
import { TapeError } from '../error.ts';
import { encodeHeader, entryBytes } from '../header.ts';
import { padded } from '../layout.ts';
import { displayPath } from '../posix/display-path.ts';
import type { DriftedEntry } from '../record.ts';
import type { Volume } from '../volume.ts';
import { differsByInodeOnly, driftOf } from './drift.ts';
import { type ContentSource, type IoErrorPolicy, renderContent } from './file-content.ts';
import { FrameAssembler, type FrameSink } from './frame-assembler.ts';

export interface RenderOptions {
  volume: Volume;
  /** Local file that holds the item's catalog segment. */
  segment: string;
  /** Tape range in bytes, `end` exclusive: the item's, or a part of it. */
  range: { start: number; end: number };
  codec: Codec;
  /** `fail`: bytes of a file that isn't as planned never reach the sink. */
  onChange: OnChange;
  ioErrors: IoErrorPolicy;
  /** The root that was planned; without it any root will do. */
  root?: PlannedRoot;
  /** Scratch of FRAME_BYTES, which the caller keeps from item to item. */
  raw: Buffer;
  /** Takes the compressed frames; may throw to end the attempt. */
  sink: FrameSink;
}

export interface RenderedItem {
  /** CRC-32 of the tape range. */
  crc32: number;
  /** Compressed size of each frame. */
  frames: Uint32Array;
  /** CRC-32 of each file's content inside the range, in tape order. */
  crcs: Uint32Array;
  drift: DriftedEntry[];
}

/** Files looked up to learn whether inode numbers can be compared with the plan's. */
const PROBED_FILES = 16;

/**
 * Vanished files that are drift, not a volume that goes away, however few files there are: people delete a
 * folder while an export runs.
 */
const VANISHED_FLOOR = 16;
const VANISHED_RATIO = 0.01;

/** Whether so many of the files planned so far are gone that the volume itself must be going away. */
export function vanishedTooMany(vanished: number, files: number): boolean {
  return vanished > Math.max(VANISHED_FLOOR, files * VANISHED_RATIO);
}

const isFile = ({ entry }: PlannedEntry) => entry.type === 'file';

interface Probe {
  /**
   * Whether this mount shows the inode numbers that the planner saw. Two mounts of one FUSE file system may
   * not: a file that equals its plan in all but the inode wasn't replaced, for that would have moved its ctime.
   */
  inodes: 'stable' | 'unstable';
  /** Files that were looked up, those among them that are as planned, and those that aren't there. */
  files: number;
  same: number;
  missing: number;
}

function probe(volume: Volume, segment: string): Probe {
  const probe: Probe = { inodes: 'stable', files: 0, same: 0, missing: 0 };
  for (const part of readSegment(segment)) {
    if (part.kind !== 'entry' || !isFile(part)) continue;
    const now = volume.look(part.entry.path);
    if ('kind' in now) probe.missing++;
    else if (driftOf(part.entry, now, 'unstable') === undefined) probe.same++;
    if (!('kind' in now) && differsByInodeOnly(part.entry, now)) probe.inodes = 'unstable';
    if (++probe.files === PROBED_FILES) break;
  }
  return probe;
}

/** Whether the volume is the planned one, going by its files: one that's alone may well have changed. */
function knowsFiles({ files, same, missing }: Probe): boolean {
  return files === 0 || same > 0 || (files === 1 && missing === 0);
}

class ItemRenderer {
  readonly crcs: number[] = [];
  readonly drift: DriftedEntry[] = [];
  #options: RenderOptions;
  #source: ContentSource;
  #frames: FrameAssembler;
  /** Tape offset of the entry that comes next. */
  #offset: number;
  #row = 0;

  constructor(options: RenderOptions, tapeOffset: number) {
    const { volume, ioErrors, segment, root } = options;
    this.#options = options;
    const probed = probe(volume, segment);
    if (root) volume.expectRoot(root, () => knowsFiles(probed));
    const refuse = (entry: Entry, kind: DriftKind) => this.#refuse(entry, kind);
    const { inodes } = probed;
    this.#source = { volume, ioErrors, inodes, ...(options.onChange === 'fail' && { refuse }) };
    this.#frames = new FrameAssembler(options);
    this.#offset = tapeOffset;
  }

  /** Whether what comes next is behind the range. */
  get isDone(): boolean {
    return this.#offset >= this.#options.range.end;
  }

  entry(planned: PlannedEntry): void {
    if (!this.#passBy(planned)) this.#render(planned);
    this.#row++;
  }

  /** An entry that ends before the range costs no more than a look at its length. */
  #passBy({ entry }: PlannedEntry): boolean {
    const { start } = this.#options.range;
    if (this.#offset >= start) return false;
    const end = this.#offset + entryBytes(entry);
    if (end > start) return false;
    this.#offset = end;
    return true;
  }

  #render({ entry, unreadable }: PlannedEntry): void {
    const header = encodeHeader(entry);
    const content = this.#offset + header.length;
    this.#header(header);
    this.#content(entry, content);
    this.#padding(content + entry.size, content + padded(entry.size));
    this.#offset = content + padded(entry.size);
    if (unreadable && content > this.#options.range.start) this.#drifted(entry, 'unreadable');
  }

  finish(): RenderedItem {
    this.#frames.finish();
    const { range } = this.#options;
    const length = range.end - range.start;
    if (this.#offset < range.end || this.#frames.bytes !== length) {
      throw new TapeError(
        'CORRUPT',
        `A catalog segment covers ${this.#frames.bytes} of its ${length} bytes.`,
      );
    }
    return {
      crc32: this.#frames.crc,
      frames: Uint32Array.from(this.#frames.sizes),
      crcs: Uint32Array.from(this.crcs),
      drift: this.drift,
    };
  }

  /** The part of tape range [start, end) that this item holds; empty where it holds none. */
  #clip(start: number, end: number): { start: number; end: number } {
    const { range } = this.#options;
    const from = Math.max(start, range.start);
    return { start: from, end: Math.max(from, Math.min(end, range.end)) };
  }

  #header(header: Buffer): void {
    const { start, end } = this.#clip(this.#offset, this.#offset + header.length);
    if (end > start) this.#frames.append(header.subarray(start - this.#offset, end - this.#offset));
  }

  #content(entry: Entry, offset: number): void {
    const { start, end } = this.#clip(offset, offset + entry.size);
    if (start === end) {
      this.#emptyFile(entry, offset);
      return;
    }
    const range = { start: start - offset, end: end - offset };
    const { crc, drift } = renderContent(this.#source, { entry, range }, this.#frames);
    this.crcs.push(crc);
    if (drift) this.#drifted(entry, drift);
  }

  /** A file planned as empty has no range to read, but may be gone or have grown by now. */
  #emptyFile(entry: Entry, offset: number): void {
    const { range, volume } = this.#options;
    if (entry.type !== 'file' || entry.size > 0 || offset <= range.start) return;
    const now = volume.look(entry.path);
    const kind = 'kind' in now ? now.kind : driftOf(entry, now, this.#source.inodes);
    if (kind) this.#drifted(entry, kind);
  }

  #drifted(entry: Entry, kind: DriftedEntry['kind']): void {
    this.#source.refuse?.(entry, kind);
    this.drift.push({ row: this.#row, kind });
  }

  #refuse(entry: Entry, kind: DriftKind): never {
    // A file that is missing because everything is would be blamed wrongly.
    this.#options.volume.check({ expectEntries: true });
    const path = displayPath(entry.path);
    throw new TapeError(
      'DRIFT',
      `${path} ${DRIFT_SENTENCES[kind]} during the export, which was told to fail on that.`,
      { drift: { path, kind } },
    );
  }

  #padding(from: number, to: number): void {
    const { start, end } = this.#clip(from, to);
    this.#frames.zeros(end - start);
  }
}

const DRIFT_SENTENCES: Record<DriftedEntry['kind'], string> = {
  shrank: 'became shorter',
  grew: 'became longer',
  changed: 'changed',
  vanished: 'vanished',
  unreadable: 'could not be read',
};

/**
 * Renders one item's range of the tape from the volume and compresses it, frame by frame, synchronously.
 * The bytes depend on the plan and the files alone. Throws VOLUME_GONE where the volume isn't what it was,
 * DRIFT where `onChange` is `fail` and a file differs, IO where the system fails.
 */
export function renderItem(options: RenderOptions): RenderedItem {
  const { volume, segment } = options;
  volume.check({ expectEntries: false });
  let renderer: ItemRenderer | undefined;
  let entries = 0;
  let files = 0;
  for (const part of readSegment(segment)) {
    if (part.kind === 'head') renderer = new ItemRenderer(options, part.tapeOffset);
    else if (part.kind === 'entry') {
      if (renderer?.isDone) break;
      renderer?.entry(part);
      entries++;
    } else if (part.kind === 'foot') files = part.filesSoFar;
  }
  if (!renderer) throw new TapeError('CORRUPT', 'A catalog segment has no head; export the volume again.');
  const rendered = renderer.finish();
  volume.check({ expectEntries: entries > 1 || options.range.start > 0 });
  const vanished = rendered.drift.filter(({ kind }) => kind === 'vanished').length;
  if (vanishedTooMany(vanished, files)) throw volumeGoing(vanished, files);
  return rendered;
}

export function volumeGoing(vanished: number, files: number): TapeError {
  return new TapeError(
    'VOLUME_GONE',
    `${vanished} of ${files} files vanished while the volume was read: it is being emptied or went away.`,
  );
}
