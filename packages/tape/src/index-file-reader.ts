import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { DRIFT_KINDS, type DriftKind, ENTRY_TYPES, type EntryType } from '@longshore/shared';
import { TapeError } from './error.ts';
import type { IndexedFrame } from './index-file.ts';
import { componentsOf, isName, joined } from './index-file-paths.ts';
import { INDEX_VERSION, textOrBlob } from './index-file-schema.ts';
import { FRAME_BYTES } from './layout.ts';

/** One row of `entry`: bytes are bytes again. */
export interface IndexEntry {
  id: number;
  name: Buffer;
  type: EntryType;
  size: number;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNsec: number;
  link?: Buffer;
  tapeOffset: number;
  /** Where a file's content starts on the tape. */
  dataOffset?: number;
  crc32?: number;
  drift?: DriftKind;
}

/** An entry with its path relative to the volume's root. */
export interface IndexedPath {
  path: Buffer;
  entry: IndexEntry;
}

/** A directory on the way down, and the name that the last of its entries had. */
interface Level {
  id: number;
  path: Buffer;
  last: Buffer | undefined;
}

/** An entry with its place in the tree. */
export interface IndexRow extends IndexEntry {
  /** The directory's id; absent for the root. */
  parent?: number;
}

/** A row's values in the order of its statement's columns: half the time of an object for each. */
type Row = readonly SQLOutputValue[];

/** A statement with `returnArrays`, of which its type knows nothing. */
interface RowStatement {
  get(...values: SQLInputValue[]): Row | undefined;
  iterate(...values: SQLInputValue[]): Iterable<Row>;
}

/** As `#entryOf` takes them. */
const ENTRY = `SELECT id, parent, name, type, size, mode, uid, gid, mtime, mtime_nsec, link, tape_offset, data_offset,
  crc32, drift FROM entry`;
const ROOT = `${ENTRY} WHERE parent IS NULL`;
const CHILD = `${ENTRY} WHERE parent = ? AND name = ?`;
const CHILDREN = `${ENTRY} WHERE parent = ? AND name > ? ORDER BY name LIMIT ?`;
const FOLLOWING = `${ENTRY} WHERE id > ? ORDER BY id`;
const ROWS = `${ENTRY} WHERE id >= ? AND id <= ? ORDER BY id`;
const PLACE = 'SELECT parent, name FROM entry WHERE id = ?';
const OF_TYPE = `${ENTRY} WHERE type = ? ORDER BY id`;
const OF_TYPE_REVERSED = `${OF_TYPE} DESC`;
const FRAMES =
  'SELECT tape_offset, tape_bytes, archive_offset, archive_bytes FROM frame WHERE id > ? ORDER BY id';
const SKIPPED = 'SELECT path, reason FROM skipped';

/** Reads an archive's index. Every method throws CORRUPT where the file isn't one. */
export class IndexReader {
  readonly #path: string;
  readonly #db: DatabaseSync;
  /** Of single rows, which are asked for many times over. */
  readonly #statements = new Map<string, RowStatement>();

  constructor(path: string) {
    this.#path = path;
    this.#db = this.#trying(() => new DatabaseSync(path, { readOnly: true, returnArrays: true }));
    const [version] = this.#get('PRAGMA user_version') ?? [];
    // A stranger's views and triggers call nothing that does more than compute (SQLite, "Defense Against The Dark Arts").
    this.#trying(() => this.#db.exec('PRAGMA trusted_schema = OFF'));
    if (version !== INDEX_VERSION) throw this.#corrupt(`its version is ${version}`);
  }

  /** The entry of a path relative to the volume's root (empty: the root itself). */
  find(path: Buffer): IndexEntry | undefined {
    let entry = this.#found(this.#get(ROOT), undefined);
    for (const name of componentsOf(path)) {
      if (entry?.type !== 'directory') return undefined;
      entry = this.#found(this.#get(CHILD, entry.id, textOrBlob(name)), entry.id);
    }
    return entry;
  }

  /**
   * The entries of a directory, those with UTF-8 names first, each group in bytewise order; from the one
   * behind the name `after` on, at most `limit`. None for what isn't a directory in the archive.
   */
  *entries(path: Buffer, page: { after?: Buffer; limit?: number } = {}): Generator<IndexEntry> {
    const directory = this.find(path);
    if (!directory) return;
    const after = page.after ? textOrBlob(page.after) : '';
    for (const row of this.#iterate(CHILDREN, directory.id, after, page.limit ?? -1))
      yield this.#entryOf(row, directory.id);
  }

  /**
   * The entry of a path and everything below it, in the tape's order. Entries are there depth-first, so that what is
   * below a directory follows it directly. Nothing where there is no such path.
   */
  *subtree(path: Buffer): Generator<IndexedPath> {
    const top = this.find(path);
    if (!top) return;
    yield { path, entry: top };
    if (top.type !== 'directory') return;
    const levels: Level[] = [{ id: top.id, path, last: undefined }];
    for (const row of this.#iterate(FOLLOWING, top.id)) {
      const [, parent] = row;
      while (levels.length > 0 && levels.at(-1)?.id !== parent) levels.pop();
      const level = levels.at(-1);
      if (!level) return;
      const entry = this.#entryOf(row, level.id);
      if (level.last && Buffer.compare(level.last, entry.name) >= 0)
        throw this.#corrupt(`the names in ${JSON.stringify(level.path.toString())} are out of order`);
      level.last = entry.name;
      const below = joined(level.path, entry.name);
      yield { path: below, entry };
      if (entry.type === 'directory') levels.push({ id: entry.id, path: below, last: undefined });
    }
  }

  /** Every entry in the tape's order, or those from the id `first` to the id `last`. */
  *rows({ first = 1, last = Number.MAX_SAFE_INTEGER } = {}): Generator<IndexRow> {
    for (const row of this.#iterate(ROWS, first, last)) yield this.#rowOf(row);
  }

  /** The entries of one type in the tape's order, or from the last to the first. */
  *ofType(type: EntryType, { reverse = false } = {}): Generator<IndexRow> {
    for (const row of this.#iterate(reverse ? OF_TYPE_REVERSED : OF_TYPE, type)) yield this.#rowOf(row);
  }

  /** An entry's path, relative to the volume's root; by the entries alone, whatever the view says. */
  pathOf(id: number): Buffer {
    const names: Buffer[] = [];
    for (let at = id; ; ) {
      const row = this.#get(PLACE, at);
      if (!row) throw this.#corrupt(`it has no entry ${at}`);
      const [above, name] = row;
      if (above === null) return Buffer.concat(names.reverse().flatMap(withSlash));
      names.push(this.#bytes(name, 'name'));
      const parent = this.#number(above, 'parent');
      if (parent >= at) throw this.#corrupt(`entry ${at} comes before its directory`);
      at = parent;
    }
  }

  /**
   * The frames that hold the tape range, `end` exclusive, in order. No frame is longer than FRAME_BYTES, so
   * that the one at `start` is never earlier than in a tape of full frames.
   */
  *frames({ start, end }: { start: number; end: number }): Generator<IndexedFrame> {
    for (const row of this.#iterate(FRAMES, Math.floor(start / FRAME_BYTES))) {
      const frame = this.#frameOf(row);
      if (frame.tapeOffset >= end) return;
      if (frame.tapeOffset + frame.tapeBytes > start) yield frame;
    }
  }

  /** The names that the volume had and the archive hasn't, with the reason. */
  *skipped(): Generator<{ path: Buffer; reason: string }> {
    for (const [path, reason] of this.#iterate(SKIPPED))
      yield { path: this.#bytes(path, 'path'), reason: String(reason) };
  }

  meta(key: string): string | undefined {
    const row = this.#get('SELECT value FROM meta WHERE key = ?', key);
    return row && String(row[0]);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#trying(() => this.#prepared(sql).get(...values));
  }

  #prepared(sql: string): RowStatement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #prepare(sql: string): RowStatement {
    return this.#db.prepare(sql) as RowStatement;
  }

  /** With a statement of its own: several may be gone through at a time. */
  *#iterate(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    try {
      yield* this.#prepare(sql).iterate(...values);
    } catch (cause) {
      throw this.#unreadable(cause);
    }
  }

  #found(row: Row | undefined, parent: number | undefined): IndexEntry | undefined {
    return row && this.#entryOf(row, parent);
  }

  #rowOf(row: Row): IndexRow {
    const [, parent] = row;
    const entry: IndexRow = this.#entryOf(row, undefined);
    entry.parent = parent === null ? undefined : this.#number(parent, 'parent');
    return entry;
  }

  /** An entry comes after its directory, whose `id` is `parent`; so no path leads in a circle. */
  #entryOf(row: Row, parent: number | undefined): IndexEntry {
    const [
      id,
      ,
      name,
      type,
      size,
      mode,
      uid,
      gid,
      mtime,
      mtimeNsec,
      link,
      tapeOffset,
      dataOffset,
      crc,
      drift,
    ] = row;
    if (parent !== undefined && (!isName(this.#bytes(name, 'name')) || this.#number(id, 'id') <= parent))
      throw this.#corrupt(`its entry ${id} can't be on a volume`);
    return {
      id: this.#number(id, 'id'),
      name: this.#bytes(name, 'name'),
      type: this.#oneOf(ENTRY_TYPES, type),
      size: this.#number(size, 'size'),
      mode: this.#number(mode, 'mode'),
      uid: this.#number(uid, 'uid'),
      gid: this.#number(gid, 'gid'),
      mtime: this.#number(mtime, 'mtime'),
      mtimeNsec: this.#number(mtimeNsec, 'mtime_nsec'),
      link: link === null ? undefined : this.#bytes(link, 'link'),
      tapeOffset: this.#number(tapeOffset, 'tape_offset'),
      dataOffset: dataOffset === null ? undefined : this.#number(dataOffset, 'data_offset'),
      crc32: crc === null ? undefined : this.#number(crc, 'crc32'),
      drift: drift === null ? undefined : this.#oneOf(DRIFT_KINDS, drift),
    };
  }

  #frameOf([tapeOffset, tapeBytes, archiveOffset, archiveBytes]: Row): IndexedFrame {
    return {
      tapeOffset: this.#number(tapeOffset, 'tape_offset'),
      tapeBytes: this.#number(tapeBytes, 'tape_bytes'),
      archiveOffset: this.#number(archiveOffset, 'archive_offset'),
      archiveBytes: this.#number(archiveBytes, 'archive_bytes'),
    };
  }

  #number(value: SQLOutputValue, column: string): number {
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw this.#corrupt(`${column} is no whole number`);
    return value;
  }

  #bytes(value: SQLOutputValue, column: string): Buffer {
    if (typeof value === 'string') return Buffer.from(value);
    if (value instanceof Uint8Array) return Buffer.from(value);
    throw this.#corrupt(`${column} holds no bytes`);
  }

  #oneOf<Word extends string>(words: readonly Word[], value: SQLOutputValue): Word {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw this.#corrupt(`it holds the unknown word ${value}`);
    return word;
  }

  #trying<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (cause) {
      throw this.#unreadable(cause);
    }
  }

  #unreadable(cause: unknown): TapeError {
    return this.#corrupt("it can't be read", { cause });
  }

  #corrupt(reason: string, options?: ErrorOptions): TapeError {
    return new TapeError('CORRUPT', `${this.#path} is no index that this version reads: ${reason}.`, options);
  }
}

const withSlash = (name: Buffer, n: number) => (n === 0 ? [name] : [Buffer.from('/'), name]);
