import { z } from 'zod';
import { DRIFT_KINDS, ENTRY_TYPES } from './manifest.ts';

/** What is in an archive, as it goes over HTTP. */

const count = z.number().int().min(0);

/** An entry of an archive. A path is relative to the volume's root, and in Base64 where it isn't UTF-8. */
export const FileEntry = z.object({
  path: z.string().optional(),
  pathBase64: z.base64().optional(),
  type: z.enum(ENTRY_TYPES),
  /** Of a file's content. */
  size: count,
  /** Permission bits. */
  mode: count,
  uid: count,
  gid: count,
  /** Whole seconds, rounded down; and nanoseconds from there. */
  mtime: z.number().int(),
  mtimeNsec: count,
  /** A symbolic link's target, or the path of the file that a hard link is another name of. */
  link: z.string().optional(),
  linkBase64: z.base64().optional(),
  /** Of a file's content. */
  crc32: z
    .string()
    .regex(/^[0-9a-f]{8}$/)
    .optional(),
  /** How it differed from its plan when it was read. */
  drift: z.enum(DRIFT_KINDS).optional(),
});
export type FileEntry = z.infer<typeof FileEntry>;

/** `GET /v1/exports/:id/files`: an entry, and where it's a directory a page of those in it. */
export const FileList = z.object({
  entry: FileEntry,
  entries: z.array(FileEntry),
  /** `cursor` of the next page; absent on the last one. */
  next: z.string().optional(),
});
export type FileList = z.infer<typeof FileList>;

/** As long as a path that Linux opens at once, in Base64; one that was walked to can be longer, and a URL can't. */
const MAX_PATH = 5_464;

/** Which entry is meant: the root's path is empty, and neither needs to be given for it. */
export const NamedFile = z.strictObject({
  path: z.string().max(MAX_PATH).optional(),
  pathBase64: z.base64().max(MAX_PATH).optional(),
});
export type NamedFile = z.infer<typeof NamedFile>;

export const ListFiles = NamedFile.extend({
  cursor: z.string().max(1_024).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});
export type ListFiles = z.infer<typeof ListFiles>;

export const SELECTION_FORMATS = ['zip', 'tar'] as const;
export type SelectionFormat = (typeof SELECTION_FORMATS)[number];

/** Body of `POST /v1/exports/:id/selection`. */
export const SelectFiles = z
  .strictObject({
    paths: z.array(z.string().max(MAX_PATH)).max(1_000).default([]),
    /** Those that aren't UTF-8. */
    pathsBase64: z.array(z.base64().max(MAX_PATH)).max(1_000).default([]),
    format: z.enum(SELECTION_FORMATS),
  })
  .refine(({ paths, pathsBase64 }) => paths.length + pathsBase64.length > 0, 'names no path');
export type SelectFiles = z.infer<typeof SelectFiles>;
