import { z } from 'zod';

/** The archive formats, in the order in which they are offered. */
export const FORMATS = ['tar.zst', 'tar.gz', 'tar'] as const;
export type Format = (typeof FORMATS)[number];

/** Compression levels per format: what zstd and zlib take without their memory-hungry extremes. */
export const LEVELS: Record<Format, { min: number; max: number; default: number }> = {
  'tar.zst': { min: 1, max: 19, default: 3 },
  'tar.gz': { min: 1, max: 9, default: 6 },
  tar: { min: 0, max: 0, default: 0 },
};

/** What becomes of an export whose volume changes while it is read. */
export const ON_CHANGE = ['record', 'fail'] as const;
export type OnChange = (typeof ON_CHANGE)[number];

/** The programs whose version is part of the archive's bytes. */
export const Build = z.object({
  longshore: z.string(),
  node: z.string(),
  zlib: z.string(),
  zstd: z.string(),
});
export type Build = z.infer<typeof Build>;

/**
 * The resolved specification of one export, written once to the work area before any job runs, and never
 * changed. It names volume and destination as the operator configured them and holds no credentials.
 */
export const Order = z.object({
  version: z.literal(1),
  /** Unique, and safe in a job id and in an object key. */
  id: z.string().regex(/^[a-z][a-z0-9]{7,62}$/),
  /** Base name of the archive and of what is published beside it. */
  name: z.string(),
  created: z.iso.datetime(),
  volume: z.string(),
  destination: z.string(),
  format: z.enum(FORMATS),
  level: z.number().int(),
  exclude: z.array(z.string()),
  onChange: z.enum(ON_CHANGE),
  build: Build,
  /** The multipart upload that every part goes to; its key is the archive's. */
  upload: z.object({ key: z.string(), id: z.string() }),
});
export type Order = z.infer<typeof Order>;

/** Keys of what an export publishes, relative to its destination. */
export function publishedKeys(name: string, format: Format) {
  return { archive: `${name}.${format}`, index: `${name}.index.sqlite`, manifest: `${name}.manifest.json` };
}
