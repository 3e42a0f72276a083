import { type DriftKind, MANIFEST_LIST_LIMIT, type Manifest } from '@longshore/shared';
import { readSegment, type Skipped } from './catalog/index.ts';
import { crc32Combine } from './crc.ts';
import type { Entry } from './entry.ts';
import { TapeError } from './error.ts';
import { headerBytes } from './header.ts';
import type { IndexWriter } from './index-file.ts';
import { padded } from './layout.ts';
import { type ItemRecord, rawFrameBytes } from './record.ts';

/** What the manifest says of the entries, and how many files are gone. */
export type IndexTotals = Pick<Manifest, 'entries' | 'drift' | 'skipped'> & { vanished: number };

/** An entry on its way into the index: it may go on in items that come later. */
interface OpenEntry {
  entry: Entry;
  tapeOffset: number;
  dataOffset: number;
  crc: number;
  drift: DriftKind | undefined;
}

/** A path as the manifest gives it: text, or Base64 where it isn't UTF-8. */
function manifestPath(path: Buffer): { path: string } | { pathBase64: string } {
  const text = path.toString();
  return Buffer.from(text).equals(path) ? { path: text } : { pathBase64: path.toString('base64') };
}

/**
 * Fills an index, item by item in the tape's order, from catalog segments and records, and counts what the
 * manifest tells. A file that spans items gets its CRC combined from theirs.
 */
export class IndexBuilder {
  #writer: IndexWriter;
  #totals: IndexTotals = {
    entries: { count: 0, bytes: 0, types: {} },
    drift: { count: 0, first: [] },
    skipped: { count: 0, lost: 0, first: [] },
    vanished: 0,
  };
  #open: OpenEntry | undefined;
  /** Of the segment before: the chain's other end. */
  #digest = '';

  constructor(writer: IndexWriter) {
    this.#writer = writer;
  }

  /**
   * Adds an item: a local copy of its segment, its record, and where its first frame begins in the archive.
   * Throws CORRUPT where the two don't belong together.
   */
  addItem(segment: string, { record, archiveOffset }: { record: ItemRecord; archiveOffset: number }): void {
    const drift = new Map(record.drift.map(({ row, kind }) => [row, kind]));
    let offset = 0;
    let row = 0;
    let crc = 0;
    for (const part of readSegment(segment)) {
      if (part.kind === 'head') {
        if (part.previous !== this.#digest || part.item !== record.item) throw mismatch(record.item);
        offset = part.tapeOffset;
      } else if (part.kind === 'entry') {
        const entry = this.#entry(part.entry, offset);
        if (this.#takeCrc(entry, record, record.crcs[crc])) crc++;
        entry.drift ??= drift.get(row) ?? (part.unreadable ? 'unreadable' : undefined);
        offset = entry.dataOffset + padded(entry.entry.size);
        row++;
        if (entry.dataOffset + entry.entry.size <= record.end) this.#close();
      } else if (part.kind === 'skipped') this.#skip(part);
    }
    if (crc !== record.crcs.length) throw mismatch(record.item);
    this.#digest = record.digest;
    this.#addFrames(record, archiveOffset);
  }

  /** Ends the tape; returns what was counted. */
  finish(): IndexTotals {
    if (this.#open)
      throw new TapeError('CORRUPT', 'The catalog ends within an entry; export the volume again.');
    return this.#totals;
  }

  /** The entry that is open, where this row carries it on from the item before; else a new one. */
  #entry(entry: Entry, tapeOffset: number): OpenEntry {
    if (this.#open?.tapeOffset === tapeOffset) return this.#open;
    if (this.#open)
      throw new TapeError('CORRUPT', 'A catalog segment skips an entry; export the volume again.');
    this.#open = { entry, tapeOffset, dataOffset: tapeOffset + headerBytes(entry), crc: 0, drift: undefined };
    return this.#open;
  }

  /** Continues the entry's CRC with that of its bytes in this item; says whether it has any there. */
  #takeCrc(open: OpenEntry, { item, start, end }: ItemRecord, crc: number | undefined): boolean {
    const from = Math.max(start, open.dataOffset);
    const to = Math.min(end, open.dataOffset + open.entry.size);
    if (to <= from) return false;
    if (crc === undefined) throw mismatch(item);
    open.crc = crc32Combine(open.crc, crc, to - from);
    return true;
  }

  #close(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    const { entry, tapeOffset, crc, drift } = open;
    this.#writer.addEntry({ entry, tapeOffset, drift, ...(entry.type === 'file' && { crc32: crc }) });
    this.#count(entry);
    if (drift === 'vanished') this.#totals.vanished++;
    if (drift) this.#list(this.#totals.drift, { ...manifestPath(entry.path), kind: drift });
  }

  #count({ type, size }: Entry): void {
    const { entries } = this.#totals;
    entries.types[type] ??= { count: 0, bytes: 0 };
    for (const total of [entries, entries.types[type]]) {
      total.count++;
      total.bytes += size;
    }
  }

  #skip({ path, reason }: Skipped): void {
    // A name may be listed by two segments, where planning was taken up again between them.
    if (!this.#writer.addSkipped({ path, reason })) return;
    if (reason === 'vanished') this.#totals.skipped.lost++;
    this.#list(this.#totals.skipped, { ...manifestPath(path), reason });
  }

  #list<T>(list: { count: number; first: T[] }, one: T): void {
    list.count++;
    if (list.first.length < MANIFEST_LIST_LIMIT) list.first.push(one);
  }

  #addFrames(record: ItemRecord, archiveOffset: number): void {
    let tapeOffset = record.start;
    let at = archiveOffset;
    for (const [frame, archiveBytes] of record.frames.entries()) {
      const tapeBytes = rawFrameBytes(record, frame);
      this.#writer.addFrame({ tapeOffset, tapeBytes, archiveOffset: at, archiveBytes });
      tapeOffset += tapeBytes;
      at += archiveBytes;
    }
  }
}

function mismatch(item: number): TapeError {
  return new TapeError(
    'CORRUPT',
    `Catalog segment and record of item ${item} don't belong together; export again.`,
  );
}
