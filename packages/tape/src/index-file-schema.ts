import { isUtf8 } from 'node:buffer';

/** Written to `PRAGMA user_version` and to `meta` as `version`. */
export const INDEX_VERSION = 1;

/**
 * Written while nothing else can open the file, and made again if the writer dies: no journal, no fsync.
 * Temporary storage stays on disk, for the secondary index of 100 million entries is sorted there.
 */
export const WRITER_PRAGMAS = `
  PRAGMA page_size = 4096;
  PRAGMA journal_mode = OFF;
  PRAGMA synchronous = OFF;
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA temp_store = FILE;
  PRAGMA cache_size = -32768;
  PRAGMA user_version = ${INDEX_VERSION};
`;

/**
 * `name`, `link` and `skipped.path` have no declared type: TEXT where the bytes are UTF-8, BLOB otherwise.
 * An entry knows its parent and not its path (116 bytes an entry against 174), and the view puts paths
 * together from the entry upwards: a condition on any other column is applied first, `ORDER BY id` (the tape's
 * order) costs nothing, and no temporary table holds the whole tree.
 */
export const TABLES = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value);
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY, parent INTEGER, name, type TEXT, size INTEGER, mode INTEGER, uid INTEGER,
    gid INTEGER, mtime INTEGER, mtime_nsec INTEGER, link, tape_offset INTEGER, data_offset INTEGER,
    crc32 INTEGER, drift TEXT
  );
  CREATE TABLE frame (
    id INTEGER PRIMARY KEY, tape_offset INTEGER, tape_bytes INTEGER, archive_offset INTEGER,
    archive_bytes INTEGER
  );
  CREATE TABLE skipped (path PRIMARY KEY, reason TEXT);
  CREATE VIEW file AS
    SELECT (
      WITH RECURSIVE above (parent, path) AS (
        SELECT entry.parent, entry.name
        UNION ALL
        SELECT e.parent, CASE
          WHEN e.parent IS NULL THEN above.path
          WHEN typeof(e.name) = 'blob' OR typeof(above.path) = 'blob'
            THEN CAST(e.name || '/' || above.path AS BLOB)
          ELSE e.name || '/' || above.path
        END
        FROM above JOIN entry AS e ON e.id = above.parent
      )
      SELECT path FROM above WHERE parent IS NULL
    ) AS path, entry.*
    FROM entry;
`;

/** Made last: sorting once is several times faster than keeping an index while rows come in. */
export const SECONDARY_INDEX = 'CREATE INDEX entry_parent ON entry (parent, name)';

/** Bytes as the index holds them. */
export function textOrBlob(bytes: Buffer): string | Buffer {
  return isUtf8(bytes) ? bytes.toString() : bytes;
}
