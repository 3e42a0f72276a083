import { z } from 'zod';
import { Build, FORMATS, ON_CHANGE } from './order.ts';

export const ENTRY_TYPES = [
  'file',
  'directory',
  'symlink',
  'hardlink',
  'fifo',
  'character',
  'block',
] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

/** How a file differed from its plan when its bytes were read. */
export const DRIFT_KINDS = ['shrank', 'grew', 'changed', 'vanished', 'unreadable'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/**
 * Why a name on the volume has no entry in the archive, or why what was below it has none. `vanished`: it was
 * there when its directory was listed, and then couldn't be looked at, was something else each time, or was gone
 * when planning, taken up again by another worker, came back to it.
 */
export const SKIP_REASONS = ['socket', 'other-file-system', 'vanished'] as const;
export type SkipReason = (typeof SKIP_REASONS)[number];

const bytes = z.number().int().min(0);
const Crc32 = z.string().regex(/^[0-9a-f]{8}$/);
const Path = { path: z.string().optional(), pathBase64: z.base64().optional() };

/** How many drifted and how many skipped paths a manifest lists; the index holds them all. */
export const MANIFEST_LIST_LIMIT = 10_000;

/** `NAME.manifest.json`, published last: its presence means that the archive is complete. */
export const Manifest = z.object({
  version: z.literal(1),
  export: z.object({
    id: z.string(),
    name: z.string(),
    source: z.string(),
    created: z.iso.datetime(),
    completed: z.iso.datetime(),
  }),
  archive: z.object({
    key: z.string(),
    format: z.enum(FORMATS),
    bytes,
    parts: z.number().int().min(1),
    etag: z.string(),
    crc64nvme: z.string().optional(),
    /** The whole archive in consecutive pieces, one of each part of its upload: a download is checked piece by piece. */
    segments: z.array(z.object({ bytes, crc32: Crc32 })).min(1),
  }),
  tape: z.object({ bytes, crc32: Crc32 }),
  entries: z.object({
    count: bytes,
    bytes,
    types: z.partialRecord(z.enum(ENTRY_TYPES), z.object({ count: bytes, bytes })),
  }),
  options: z.object({ level: z.number().int(), exclude: z.array(z.string()), onChange: z.enum(ON_CHANGE) }),
  tools: Build,
  drift: z.object({ count: bytes, first: z.array(z.object({ ...Path, kind: z.enum(DRIFT_KINDS) })) }),
  /** `lost` counts what the archive should hold and doesn't: reason `vanished`. */
  skipped: z.object({
    count: bytes,
    lost: bytes.default(0),
    first: z.array(z.object({ ...Path, reason: z.enum(SKIP_REASONS) })),
  }),
});
export type Manifest = z.infer<typeof Manifest>;
