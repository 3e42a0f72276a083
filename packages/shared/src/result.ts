/** What the finalizer returns: the outcome of a completed export. */
export interface ExportResult {
  archive: { key: string; bytes: number; parts: number; etag: string };
  manifest: { key: string };
  index: { key: string };
  tape: { bytes: number; crc32: string };
  entries: { count: number; bytes: number };
  drift: { count: number };
  /** `lost`: names that the archive should hold and doesn't. */
  skipped: { count: number; lost: number };
}
