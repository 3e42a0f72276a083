import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { DriftKind, SkipReason } from '@longshore/shared';
import type { Entry } from './entry.ts';
import { TapeError } from './error.ts';
import { headerBytes } from './header.ts';
import { INDEX_VERSION, SECONDARY_INDEX, TABLES, textOrBlob, WRITER_PRAGMAS } from './index-file-schema.ts';

export { type IndexEntry, type IndexedPath, IndexReader, type IndexRow } from './index-file-reader.ts';

export interface IndexedEntry {
  entry: Entry;
  /** Of the entry's header. */
  tapeOffset: number;
  /** CRC-32 of a file's content. */
  crc32?: number;
  drift?: DriftKind;
}

/** Bytes of a frame on the tape and in the archive; padding has no row. */
export interface IndexedFrame {
  tapeOffset: number;
  tapeBytes: number;
  archiveOffset: number;
  archiveBytes: number;
}

const TRANSACTION_ROWS = 50_000;
const SLASH = 0x2f;
const INSERT_ENTRY = `INSERT INTO entry VALUES (${Array(15).fill('?').join(', ')})`;

interface Ancestor {
  id: number;
  path: Buffer;
}

/**
 * Writes an archive's index (docs/archive-format.md) to a new local file. Entries come in the tape's order,
 * which is depth-first, and frames in theirs; the same calls give the same bytes. Every method throws IO when
 * the file can't be written, SPOOL_FULL when its disk is full. Memory doesn't grow with the number of rows.
 */
export class IndexWriter {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #insertEntry: StatementSync;
  readonly #insertFrame: StatementSync;
  readonly #insertSkipped: StatementSync;
  readonly #insertMeta: StatementSync;
  /** The directories that lead to the last entry, the root first. */
  readonly #ancestors: Ancestor[] = [];
  #entries = 0;
  #openRows = 0;

  /** `path` names no file yet. */
  constructor(path: string) {
    this.#path = path;
    this.#db = createDatabase(path);
    this.#insertEntry = this.#db.prepare(INSERT_ENTRY);
    this.#insertFrame = this.#db.prepare('INSERT INTO frame VALUES (NULL, ?, ?, ?, ?)');
    this.#insertSkipped = this.#db.prepare('INSERT OR IGNORE INTO skipped VALUES (?, ?)');
    this.#insertMeta = this.#db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)');
    this.setMeta('version', String(INDEX_VERSION));
  }

  /** Adds the next entry of the tape. Throws CORRUPT for one whose directory isn't the last one's, or above it. */
  addEntry({ entry, tapeOffset, crc32, drift }: IndexedEntry): void {
    const { path, type, size, mode, uid, gid, mtime, mtimeNsec, link } = entry;
    const id = this.#entries + 1;
    const parent = this.#parentOf(path);
    const name = textOrBlob(path.subarray(path.lastIndexOf(SLASH) + 1));
    const target = link ? textOrBlob(link) : null;
    const dataOffset = type === 'file' ? tapeOffset + headerBytes(entry) : null;
    this.#insert(this.#insertEntry, [
      id,
      parent,
      name,
      type,
      size,
      mode,
      uid,
      gid,
      mtime,
      mtimeNsec,
      target,
      tapeOffset,
      dataOffset,
      crc32 ?? null,
      drift ?? null,
    ]);
    this.#entries = id;
    if (type === 'directory') this.#ancestors.push({ id, path });
  }

  /** Adds the next frame of the archive. */
  addFrame({ tapeOffset, tapeBytes, archiveOffset, archiveBytes }: IndexedFrame): void {
    this.#insert(this.#insertFrame, [tapeOffset, tapeBytes, archiveOffset, archiveBytes]);
  }

  /** Records a name on the volume that has no entry; false if it is recorded already. */
  addSkipped({ path, reason }: { path: Buffer; reason: SkipReason }): boolean {
    return this.#insert(this.#insertSkipped, [textOrBlob(path), reason]) > 0;
  }

  setMeta(key: string, value: string): void {
    this.#insert(this.#insertMeta, [key, value]);
  }

  /** Completes and closes the file. */
  finish(): void {
    this.#exec(`COMMIT; ${SECONDARY_INDEX}`);
    this.#db.close();
  }

  /** Closes the file as it is, finished or not. */
  [Symbol.dispose](): void {
    if (this.#db.isOpen) this.#db.close();
  }

  #parentOf(path: Buffer): number | null {
    if (path.length === 0) return null;
    const directoryBytes = Math.max(path.lastIndexOf(SLASH), 0);
    for (let top = this.#ancestors.at(-1); top; top = this.#ancestors.at(-1)) {
      const matches = top.path.length === directoryBytes && path.subarray(0, directoryBytes).equals(top.path);
      if (matches) return top.id;
      this.#ancestors.pop();
    }
    throw new TapeError('CORRUPT', `The entry ${path} does not follow its directory.`);
  }

  /** How many rows that made: 0 where one is there. */
  #insert(statement: StatementSync, row: SQLInputValue[]): number {
    try {
      const changes = Number(statement.run(...row).changes);
      this.#openRows += changes;
      if (this.#openRows >= TRANSACTION_ROWS) this.#nextTransaction();
      return changes;
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }

  #nextTransaction(): void {
    this.#db.exec('COMMIT; BEGIN');
    this.#openRows = 0;
  }

  #exec(sql: string): void {
    try {
      this.#db.exec(sql);
    } catch (cause) {
      throw unwritable(this.#path, cause);
    }
  }
}

function createDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    // Defensive, SQLite would keep a journal.
    db = new DatabaseSync(path, { defensive: false });
    db.exec(`${WRITER_PRAGMAS} ${TABLES} BEGIN`);
    return db;
  } catch (cause) {
    db?.close();
    throw unwritable(path, cause);
  }
}

/** SQLITE_FULL: "Result and Error Codes" in SQLite's documentation. */
const SQLITE_FULL = 13;

function unwritable(path: string, cause: unknown): TapeError {
  if (cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_FULL) {
    const message = `The disk is full that the index ${path} is made on: make room there, or choose another by --spool or TMPDIR.`;
    return new TapeError('SPOOL_FULL', message, { cause });
  }
  return new TapeError('IO', `The index ${path} can't be written.`, { cause });
}
