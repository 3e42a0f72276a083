import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { TapeError } from './error.ts';
import type { GroupStore, LinkGroup } from './links.ts';

/** Writes per transaction: the commit's cost disappears from here on. */
const BATCH = 10_000;

// No journal and no sync: after a crash nobody can find this file, let alone want it. 16 MiB of cache.
const SCHEMA = `
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA cache_size = -16384;
  CREATE TABLE link (inode INTEGER PRIMARY KEY, path BLOB, remaining INTEGER, mtime REAL, mtime_nsec INTEGER);
  BEGIN`;

/** Link groups in a scratch file: 61 bytes and a path each, and memory stays flat. */
export class LinkTable implements GroupStore, Disposable {
  readonly #database: DatabaseSync;
  readonly #get: StatementSync;
  readonly #set: StatementSync;
  readonly #delete: StatementSync;
  #writes = 0;

  /** `directory` is where the file's blocks are; its name goes at once, so that nothing stays after a kill. */
  constructor(directory: string) {
    const own = mkdtempSync(join(directory, 'longshore-links-'));
    try {
      // Defensive, SQLite would keep a journal.
      this.#database = new DatabaseSync(join(own, 'links.sqlite'), { defensive: false });
      this.#database.exec(SCHEMA);
    } finally {
      rmSync(own, { recursive: true });
    }
    this.#get = this.#database.prepare(
      'SELECT path, remaining, mtime, mtime_nsec AS mtimeNsec FROM link WHERE inode = ?',
    );
    this.#set = this.#database.prepare('INSERT OR REPLACE INTO link VALUES (?, ?, ?, ?, ?)');
    this.#delete = this.#database.prepare('DELETE FROM link WHERE inode = ?');
    // The last row's id, which `run` answers and nobody reads, may be beyond 2^53.
    this.#set.setReadBigInts(true);
    this.#delete.setReadBigInts(true);
  }

  get(inode: bigint): LinkGroup | undefined {
    const row = this.#get.get(key(inode));
    if (row === undefined) return undefined;
    const { path, remaining, mtime, mtimeNsec } = row;
    if (!(path instanceof Uint8Array)) throw new TapeError('CORRUPT', 'A link group has no path');
    return {
      path: Buffer.from(path),
      remaining: Number(remaining),
      mtime: Number(mtime),
      mtimeNsec: Number(mtimeNsec),
    };
  }

  set(inode: bigint, group: LinkGroup): void {
    this.#set.run(key(inode), group.path, group.remaining, group.mtime, group.mtimeNsec);
    this.#commitBatch();
  }

  delete(inode: bigint): void {
    this.#delete.run(key(inode));
    this.#commitBatch();
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }
  #commitBatch(): void {
    if (++this.#writes % BATCH === 0) this.#database.exec('COMMIT; BEGIN');
  }
}

/** SQLite's integers are signed, inode numbers aren't. */
function key(inode: bigint): bigint {
  return BigInt.asIntN(64, inode);
}
