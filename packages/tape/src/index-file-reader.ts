import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite';
import { DRIFT_KINDS, type DriftKind, ENTRY_TYPES, type EntryType } from '@longshore/shared';
import { TapeError } from './error.ts';
import type { IndexedFrame } from './index-file.ts';
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

type Row = Record<string, SQLOutputValue>;

const SLASH = 0x2f;
const ROOT = 'SELECT * FROM entry WHERE parent IS NULL';
const CHILD = 'SELECT * FROM entry WHERE parent = ? AND name = ?';
const CHILDREN = 'SELECT * FROM entry WHERE parent = ? AND name > ? ORDER BY name LIMIT ?';
const FRAMES = 'SELECT * FROM frame WHERE id > ? ORDER BY id';

/** Reads an archive's index. Every method throws CORRUPT where the file isn't one. */
export class IndexReader {
  readonly #path: string;
  readonly #db: DatabaseSync;

  constructor(path: string) {
    this.#path = path;
    this.#db = this.#trying(() => new DatabaseSync(path, { readOnly: true }));
    const version = this.#trying(() => this.#db.prepare('PRAGMA user_version').get())?.user_version;
    if (version !== INDEX_VERSION) throw this.#corrupt(`its version is ${version}`);
  }

  /** The entry of a path relative to the volume's root (empty: the root itself). */
  find(path: Buffer): IndexEntry | undefined {
    let row = this.#get(ROOT);
    for (const name of components(path)) {
      if (!row) return undefined;
      row = this.#get(CHILD, row.id, textOrBlob(name));
    }
    return row && this.#entryOf(row);
  }

  /**
   * The entries of a directory, those with UTF-8 names first, each group in bytewise order; from the one
   * behind the name `after` on, at most `limit`. None for what isn't a directory in the archive.
   */
  *entries(path: Buffer, page: { after?: Buffer; limit?: number } = {}): Generator<IndexEntry> {
    const directory = this.find(path);
    if (!directory) return;
    const after = page.after ? textOrBlob(page.after) : '';
    const rows = this.#db.prepare(CHILDREN).iterate(directory.id, after, page.limit ?? -1);
    for (const row of rows) yield this.#entryOf(row);
  }

  /**
   * The frames that hold the tape range, `end` exclusive, in order. No frame is longer than FRAME_BYTES, so
   * that the one at `start` is never earlier than in a tape of full frames.
   */
  *frames({ start, end }: { start: number; end: number }): Generator<IndexedFrame> {
    for (const row of this.#db.prepare(FRAMES).iterate(Math.floor(start / FRAME_BYTES))) {
      const frame = this.#frameOf(row);
      if (frame.tapeOffset >= end) return;
      if (frame.tapeOffset + frame.tapeBytes > start) yield frame;
    }
  }

  /** The names that the volume had and the archive hasn't, with the reason. */
  *skipped(): Generator<{ path: Buffer; reason: string }> {
    for (const row of this.#db.prepare('SELECT * FROM skipped').iterate()) {
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
    return this.#trying(() => this.#db.prepare(sql).get(...values));
  }

  #entryOf(row: Row): IndexEntry {
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
    if (typeof value !== 'number') throw this.#corrupt(`${column} is no number`);
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

function components(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  for (let at = 0; at < path.length; ) {
    const slash = path.indexOf(SLASH, at);
    const end = slash === -1 ? path.length : slash;
    names.push(path.subarray(at, end));
    at = end + 1;
  }
  return names;
}
