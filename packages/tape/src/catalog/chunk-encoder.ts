import { ENTRY_TYPES } from '@longshore/shared';
import type { Entry } from '../entry.ts';
import {
  type Chunk,
  COLUMN_NAMES,
  COLUMNS,
  type ColumnName,
  type Columns,
  type PlannedEntry,
  type Rare,
} from './columns.ts';
import { CHUNK_BYTES, CHUNK_ENTRIES } from './segment.ts';

const TYPE_CODES = new Map(ENTRY_TYPES.map((type, code) => [type, code]));
const FIRST_ROWS = 64;
const FIRST_BYTES = 4096;

/**
 * Packs entries column by column: neighbours are alike in each column, so zstd leaves about 20 B of an entry.
 *
 * An entry's columns are filled at once and the entry is let go: 50,000 of them kept until their chunk is full
 * would be moved to the old generation, where the garbage of a long walk came to 300 MB. An encoder's buffers
 * are kept from chunk to chunk, at most 4 MB and the names.
 */
export class ChunkEncoder {
  #capacity = 0;
  #columns = columnsFor(0);
  #rows = 0;
  #suffixes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #suffixBytes = 0;
  #before: Buffer = Buffer.alloc(0);
  #rare: Rare[] = [];
  #variableBytes = 0;

  get isEmpty(): boolean {
    return this.#rows === 0;
  }

  get isFull(): boolean {
    return this.#rows >= CHUNK_ENTRIES || this.#variableBytes >= CHUNK_BYTES;
  }

  add(planned: PlannedEntry): void {
    if (this.#rows === this.#capacity) this.#grow();
    const row = this.#rows++;
    const { path } = planned.entry;
    const shared = sharedPrefix(this.#before, path);
    fillRow(this.#columns, row, planned.entry);
    this.#columns.shared[row] = shared;
    this.#columns.suffix[row] = path.length - shared;
    this.#addSuffix(path, shared);
    this.#before = path;
    const rare = rareOf(row, planned);
    if (rare) this.#rare.push(rare);
    this.#variableBytes += path.length + (rare ? rareBytes(planned.entry) : 0);
  }

  /** The chunk of what was added, in buffers that the next `add` overwrites; the encoder is empty then. */
  take(): Chunk {
    const chunk: Chunk = {
      kind: 'entries',
      rows: this.#rows,
      columns: Object.fromEntries(COLUMN_NAMES.map((name) => [name, this.#raw(name)])),
      suffixes: this.#suffixes.subarray(0, this.#suffixBytes),
      rare: this.#rare,
    };
    this.clear();
    return chunk;
  }

  clear(): void {
    this.#rows = 0;
    this.#suffixBytes = 0;
    this.#variableBytes = 0;
    this.#before = Buffer.alloc(0);
    this.#rare = [];
  }

  #raw(name: ColumnName): Uint8Array {
    const { buffer, BYTES_PER_ELEMENT } = this.#columns[name];
    return new Uint8Array(buffer as ArrayBuffer, 0, this.#rows * BYTES_PER_ELEMENT);
  }

  #addSuffix(path: Buffer, from: number): void {
    const needed = this.#suffixBytes + path.length - from;
    if (needed > this.#suffixes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * needed);
      this.#suffixes.copy(larger, 0, 0, this.#suffixBytes);
      this.#suffixes = larger;
    }
    path.copy(this.#suffixes, this.#suffixBytes, from);
    this.#suffixBytes = needed;
  }

  #grow(): void {
    const full = this.#columns;
    this.#capacity = Math.min(CHUNK_ENTRIES, Math.max(FIRST_ROWS, 2 * this.#capacity));
    this.#columns = columnsFor(this.#capacity);
    for (const name of COLUMN_NAMES) copyColumn(full, this.#columns, name);
  }
}

function columnsFor(rows: number): Columns {
  return Object.fromEntries(COLUMN_NAMES.map((name) => [name, new COLUMNS[name](rows)])) as Columns;
}

function copyColumn(from: Columns, to: Columns, name: ColumnName): void {
  bytesOf(to[name]).set(bytesOf(from[name]));
}

const bytesOf = ({ buffer }: Columns[ColumnName]) => new Uint8Array(buffer);

function sharedPrefix(a: Buffer, b: Buffer): number {
  const end = Math.min(a.length, b.length);
  let at = 0;
  while (at < end && a[at] === b[at]) at++;
  return at;
}

function fillRow(columns: Columns, row: number, entry: Entry): void {
  columns.type[row] = TYPE_CODES.get(entry.type)!;
  columns.mode[row] = entry.mode;
  columns.uid[row] = entry.uid;
  columns.gid[row] = entry.gid;
  columns.mtime[row] = entry.mtime;
  columns.mtimeNsec[row] = entry.mtimeNsec;
  columns.size[row] = entry.size;
  columns.inode[row] = entry.inode;
  columns.links[row] = entry.links;
  columns.ctime[row] = entry.ctime;
  columns.ctimeNsec[row] = entry.ctimeNsec;
}

function rareOf(row: number, { entry, unreadable }: PlannedEntry): Rare | undefined {
  const { link, deviceMajor, deviceMinor, xattrs } = entry;
  if (!unreadable && link === undefined && deviceMajor === undefined && xattrs.length === 0) return undefined;
  return {
    row,
    ...(unreadable && { unreadable }),
    ...(link && { link }),
    ...(deviceMajor !== undefined && { major: deviceMajor, minor: deviceMinor ?? 0 }),
    ...(xattrs.length > 0 && { xattrs: xattrs.map(({ name, value }) => [name, value]) }),
  };
}

/** What an entry weighs besides its columns and its path. */
function rareBytes({ link, xattrs }: Entry): number {
  return xattrs.reduce((sum, { name, value }) => sum + name.length + value.length, link?.length ?? 0);
}
