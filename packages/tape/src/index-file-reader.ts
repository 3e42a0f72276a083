import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite';
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

type Row = Record<string, SQLOutputValue>;

const ROOT = 'SELECT * FROM entry WHERE parent IS NULL';
const CHILD = 'SELECT * FROM entry WHERE parent = ? AND name = ?';
const CHILDREN = 'SELECT * FROM entry WHERE parent = ? AND name > ? ORDER BY name LIMIT ?';
const FOLLOWING = 'SELECT * FROM entry WHERE id > ? ORDER BY id';
const ROWS = 'SELECT * FROM entry WHERE id >= ? AND id <= ? ORDER BY id';
const PLACE = 'SELECT parent, name FROM entry WHERE id = ?';
const OF_TYPE = 'SELECT * FROM entry WHERE type = ? ORDER BY id';
const OF_TYPE_REVERSED = `${OF_TYPE} DESC`;
const FRAMES = 'SELECT * FROM frame WHERE id > ? ORDER BY id';

/** Reads an archive's index. Every method throws CORRUPT where the file isn't one. */
export class IndexReader {
  readonly #path: string;
  readonly #db: DatabaseSync;
  /** Of single rows, which are asked for many times over. */
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.#path = path;
    this.#db = this.#trying(() => new DatabaseSync(path, { readOnly: true }));
    const version = this.#trying(() => this.#db.prepare('PRAGMA user_version').get())?.user_version;
    // A stranger's views and triggers call nothing that does more than compute (SQLite, "Defense Against The Dark Arts").
    this.#trying(() => this.#db.exec('PRAGMA trusted_schema = OFF'));
    if (version !== INDEX_VERSION) throw this.#corrupt(`its version is ${version}`);
  }

  /** The entry of a path relative to the volume's root (empty: the root itself). */
  find(path: Buffer): IndexEntry | undefined {
    let row = this.#get(ROOT);
    let parent: number | undefined;
    for (const name of componentsOf(path)) {
      if (row?.type !== 'directory') return undefined;
      parent = this.#number(row, 'id');
      row = this.#get(CHILD, parent, textOrBlob(name));
    }
    return row && this.#entryOf(row, parent);
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
      while (levels.length > 0 && levels.at(-1)?.id !== row.parent) levels.pop();
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
      if (row.parent === null) return Buffer.concat(names.reverse().flatMap(withSlash));
      names.push(this.#bytes(row, 'name'));
      const parent = this.#number(row, 'parent');
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
    for (const row of this.#iterate('SELECT * FROM skipped')) {
      yield { path: this.#bytes(row, 'path'), reason: String(row.reason) };
    }
  }

  meta(key: string): string | undefined {
    const row = this.#get('SELECT value FROM meta WHERE key = ?', key);
    return row && String(row.value);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#trying(() => this.#prepared(sql).get(...values));
  }

  #rowOf(row: Row): IndexRow {
    return {
      ...this.#entryOf(row, undefined),
      parent: row.parent === null ? undefined : this.#number(row, 'parent'),
    };
  }

  #prepared(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** With a statement of its own: several may be gone through at a time. */
  *#iterate(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    const rows = this.#trying(() => this.#db.prepare(sql).iterate(...values));
    try {
      for (;;) {
        const next = this.#trying(() => rows.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      rows.return?.();
    }
  }

  /** An entry comes after its directory, whose `id` is `parent`; so no path leads in a circle. */
  #entryOf(row: Row, parent: number | undefined): IndexEntry {
    if (parent !== undefined && (!isName(this.#bytes(row, 'name')) || this.#number(row, 'id') <= parent))
      throw this.#corrupt(`its entry ${row.id} can't be on a volume`);
    const optional = (column: string) => (row[column] === null ? undefined : this.#number(row, column));
    return {
      id: this.#number(row, 'id'),
      name: this.#bytes(row, 'name'),
      type: this.#oneOf(ENTRY_TYPES, row.type),
      size: this.#number(row, 'size'),
      mode: this.#number(row, 'mode'),
      uid: this.#number(row, 'uid'),
      gid: this.#number(row, 'gid'),
      mtime: this.#number(row, 'mtime'),
      mtimeNsec: this.#number(row, 'mtime_nsec'),
      link: row.link === null ? undefined : this.#bytes(row, 'link'),
      tapeOffset: this.#number(row, 'tape_offset'),
      dataOffset: optional('data_offset'),
      crc32: optional('crc32'),
      drift: row.drift === null ? undefined : this.#oneOf(DRIFT_KINDS, row.drift),
    };
  }

  #frameOf(row: Row): IndexedFrame {
    return {
      tapeOffset: this.#number(row, 'tape_offset'),
      tapeBytes: this.#number(row, 'tape_bytes'),
      archiveOffset: this.#number(row, 'archive_offset'),
      archiveBytes: this.#number(row, 'archive_bytes'),
    };
  }

  #number(row: Row, column: string): number {
    const value = row[column];
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw this.#corrupt(`${column} is no whole number`);
    return value;
  }

  #bytes(row: Row, column: string): Buffer {
    const value = row[column];
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
      throw this.#corrupt("it can't be read", { cause });
    }
  }

  #corrupt(reason: string, options?: ErrorOptions): TapeError {
    return new TapeError('CORRUPT', `${this.#path} is no index that this version reads: ${reason}.`, options);
  }
}

const withSlash = (name: Buffer, n: number) => (n === 0 ? [name] : [Buffer.from('/'), name]);
