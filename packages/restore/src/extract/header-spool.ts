import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';

/** Headers of directories and large files until these are finished: on disk, for there may be millions with ACLs. */
export class HeaderSpool implements Disposable {
  readonly #db: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #select: StatementSync;
  #isEmpty = true;

  constructor(folder: string) {
    // Defensive, SQLite would keep a journal.
    this.#db = new DatabaseSync(join(folder, 'headers.sqlite'), { defensive: false });
    // One transaction for all, which never ends: one for each would take longer than what it's for.
    this.#db.exec(
      'PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; CREATE TABLE header (id INTEGER PRIMARY KEY, bytes); BEGIN',
    );
    this.#insert = this.#db.prepare('INSERT INTO header VALUES (?, ?)');
    this.#select = this.#db.prepare('SELECT bytes FROM header WHERE id = ?');
  }

  add(headers: readonly { id: number; header: Uint8Array }[]): void {
    if (headers.length > 0) this.#isEmpty = false;
    for (const { id, header } of headers) this.#insert.run(id, header);
  }

  /** Undefined for an entry whose header says no more than the index. */
  get(id: number): Buffer | undefined {
    if (this.#isEmpty) return undefined;
    const bytes = this.#select.get(id)?.bytes;
    return bytes instanceof Uint8Array ? Buffer.from(bytes) : undefined;
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
