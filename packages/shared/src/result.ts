import { z } from 'zod';
import type { Manifest } from './manifest.ts';
import { publishedKeys } from './order.ts';

const count = z.number().int().min(0);

/** What the finalizer returns: the outcome of a completed export. Keys are relative to the destination. */
export const ExportResult = z.object({
  archive: z.object({ key: z.string(), bytes: count, parts: count, etag: z.string() }),
  manifest: z.object({ key: z.string() }),
  index: z.object({ key: z.string() }),
  tape: z.object({ bytes: count, crc32: z.string() }),
  entries: z.object({ count, bytes: count }),
  drift: z.object({ count }),
  /** `lost`: names that the archive should hold and doesn't. */
  skipped: z.object({ count, lost: count }),
});
export type ExportResult = z.infer<typeof ExportResult>;

/** The outcome that a published manifest tells of. */
export function resultOf({
  export: { name },
  archive,
  tape,
  entries,
  drift,
  skipped,
}: Manifest): ExportResult {
  const { index, manifest } = publishedKeys(name, archive.format);
  return {
    archive: { key: archive.key, bytes: archive.bytes, parts: archive.parts, etag: archive.etag },
    manifest: { key: manifest },
    index: { key: index },
    tape,
    entries: { count: entries.count, bytes: entries.bytes },
    drift: { count: drift.count },
    skipped: { count: skipped.count, lost: skipped.lost },
  };
}
