import { join } from 'node:path';
import {
  type Excluder,
  entryBytes,
  itemRange,
  type LinkGroups,
  MAX_TAPE_BYTES,
  type PlannedEntry,
  readSegment,
  SegmentWriter,
  type Skipped,
  TapeError,
  type Volume,
  walk,
} from '@longshore/tape';
import { compareInWalkOrder } from './walk-order.ts';

/** A segment that stands in a local file, complete. */
export interface PlannedSegment {
  item: number;
  /** Tape range in bytes, `end` exclusive: the item's, cut at the tape's end in the last one. */
  start: number;
  end: number;
  /** SHA-256 (hex) of the file. */
  digest: string;
  file: string;
  bytes: number;
  /** Regular files planned so far, this segment included. */
  filesSoFar: number;
  last: boolean;
}

export interface PlannerOptions {
  volume: Volume;
  exclude: Excluder;
  links: LinkGroups;
  /** Folder for segment files. */
  spool: string;
  /** Takes each finished segment; may throw to stop planning. */
  emit(segment: PlannedSegment): void;
}

/**
 * Walks a volume and lays out its tape, item by item, synchronously. Memory holds one chunk of entries and
 * the open hard-link groups, never the file list.
 *
 * A planner that takes over from another one replays the segments that are durable, which rebuilds the link
 * groups from the entries themselves, and walks on after the last entry that they hold.
 */
export class Planner {
  #options: PlannerOptions;
  #writer: SegmentWriter | undefined;
  #item = -1;
  /** Tape offset at which the next entry begins. */
  #offset = 0;
  #digest = '';
  #files = 0;
  #lastEntry: PlannedEntry | undefined;
  /** The last name that replayed segments list as skipped. */
  #lastSkipped: Buffer | undefined;
  #finished = false;

  constructor(options: PlannerOptions) {
    this.#options = options;
  }

  /** Takes in the next durable segment, from a local copy. Returns its place on the tape. */
  replay(file: string, digest: string): { start: number; end: number; filesSoFar: number; last: boolean } {
    let carried = false;
    for (const part of readSegment(file)) {
      if (part.kind === 'head') {
        if (part.item !== this.#item + 1 || part.previous !== this.#digest) throw brokenChain(part.item);
        carried = part.tapeOffset < part.start;
      } else if (part.kind === 'entry') {
        if (!carried) this.#options.links.see(part.entry);
        carried = false;
        this.#lastEntry = part;
      } else if (part.kind === 'skipped') {
        this.#lastSkipped = part.path;
      } else if (part.kind === 'foot') {
        this.#files = part.filesSoFar;
        this.#offset = part.tapeEnd;
        this.#finished = part.last;
      }
    }
    this.#item++;
    this.#digest = digest;
    const { start, end } = itemRange(this.#item);
    return { start, end: Math.min(end, this.#offset), filesSoFar: this.#files, last: this.#finished };
  }

  /** Plans everything that isn't replayed, to the tape's end. */
  run(): void {
    if (this.#finished) return;
    using _ = { [Symbol.dispose]: () => this.#writer?.[Symbol.dispose]() };
    this.#resume();
    const { volume, exclude, links } = this.#options;
    for (const step of walk(volume, { exclude, links, after: this.#lastEntry?.entry.path })) {
      if (step.kind === 'entry') this.#add(step);
      else if (step.kind === 'skipped') this.#skipUnlessListed(step);
      else if (this.#isDirectory(step.path)) this.#skip({ path: step.path, reason: 'vanished' });
    }
    volume.check({ expectEntries: false });
    // What followed the last replayed entry may be gone by now: the tape still needs a last segment.
    if (!this.#writer) this.#open(this.#offset);
    this.#close({ last: true });
  }

  /** Starts the segment after the replayed ones with the entry that reaches into it, or an empty tape. */
  #resume(): void {
    const straddler = this.#lastEntry;
    if (!straddler) this.#open(0);
    if (!straddler || this.#offset <= itemRange(this.#item).end) return;
    this.#open(this.#offset - entryBytes(straddler.entry));
    this.#writer?.add(straddler);
    this.#spill(straddler);
  }

  #add(planned: PlannedEntry): void {
    const end = this.#offset + entryBytes(planned.entry);
    if (end > MAX_TAPE_BYTES) throw tooLong();
    if (!this.#writer || this.#offset >= itemRange(this.#item).end) this.#next(this.#offset);
    this.#writer?.add(planned);
    if (planned.entry.type === 'file') this.#files++;
    this.#offset = end;
    this.#spill(planned);
    this.#lastEntry = planned;
  }

  /** Whether a lost cursor was a directory, and not just the file after which the walk goes on. */
  #isDirectory(path: Buffer): boolean {
    const last = this.#lastEntry?.entry;
    return last === undefined || last.type === 'directory' || !last.path.equals(path);
  }

  /** A segment also lists what is skipped behind its last entry, and a walk that goes on comes by that again. */
  #skipUnlessListed(skipped: Skipped): void {
    const last = this.#lastSkipped;
    if (!last || compareInWalkOrder(skipped.path, last) > 0) this.#skip(skipped);
  }

  #skip(skipped: Skipped): void {
    if (!this.#writer) this.#open(this.#offset);
    this.#writer?.skip(skipped);
  }

  /** Repeats an entry in every further segment that it reaches into. */
  #spill(planned: PlannedEntry): void {
    while (this.#offset > itemRange(this.#item).end) {
      this.#next(this.#offset - entryBytes(planned.entry));
      this.#writer?.add(planned);
    }
  }

  #next(tapeOffset: number): void {
    if (this.#writer) this.#close({ last: false });
    this.#open(tapeOffset);
  }

  #open(tapeOffset: number): void {
    this.#item++;
    const { start, end } = itemRange(this.#item);
    const file = join(this.#options.spool, `segment-${this.#item}`);
    this.#writer = new SegmentWriter(file, {
      item: this.#item,
      start,
      end,
      tapeOffset,
      previous: this.#digest,
    });
  }

  #close({ last }: { last: boolean }): void {
    const writer = this.#writer;
    if (!writer) return;
    const { start, end } = itemRange(this.#item);
    const finished = writer.finish({ filesSoFar: this.#files, tapeEnd: this.#offset, last });
    this.#digest = finished.digest;
    this.#writer = undefined;
    this.#options.emit({
      item: this.#item,
      start,
      end: Math.min(end, this.#offset),
      file: writer.file,
      filesSoFar: this.#files,
      last,
      ...finished,
    });
  }
}

function brokenChain(item: number): TapeError {
  return new TapeError(
    'CORRUPT',
    `Catalog segment ${item} doesn't continue the one before it; export again.`,
  );
}

function tooLong(): TapeError {
  const tebibytes = (MAX_TAPE_BYTES / 2 ** 40).toFixed(1);
  return new TapeError(
    'TAPE_TOO_LONG',
    `The volume needs more than ${tebibytes} TiB of tape, which is what fits one upload: export its folders one by one.`,
  );
}
