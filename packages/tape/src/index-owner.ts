/** Bytes at the start of an index that hold the first rows of its `meta` table: SQLite's second page, of 4 KiB. */
export const INDEX_HEAD_BYTES = 64 * 1024;

/**
 * Whether an index belongs to an export, told from its first INDEX_HEAD_BYTES: `meta` names the export, in the
 * first rows that are written, and an id of 80 random bits doesn't stand anywhere by chance.
 */
export function isIndexOf(head: Buffer, exportId: string): boolean {
  return head.includes(exportId);
}
