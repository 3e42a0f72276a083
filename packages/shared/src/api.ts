import { z } from 'zod';
import { CLASS_WITHOUT_SNAPSHOT, CONSISTENCIES } from './consistency.ts';
import { FORMATS, ON_CHANGE } from './order.ts';
import { PHASES } from './phase.ts';
import { ExportResult } from './result.ts';

/** Everything that goes over HTTP, for the server that checks it and the client that reads it. */

const count = z.number().int().min(0);
const Crc32 = z.string().regex(/^[0-9a-f]{8}$/);

/** Names that an operator gave to volumes and destinations: safe in a URL, a label and a command line. */
export const ConfiguredName = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'must be letters, digits, dots, dashes and underscores, 63 at most, and begin and end with a letter or digit',
  );

/** RFC 1123, as Kubernetes asks it of most names. */
export const ObjectName = z
  .string()
  .min(1)
  .max(253)
  .regex(
    /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/,
    'must be small letters, digits, dots and dashes, and begin and end with a letter or digit',
  );

/** Pods that work on one export at once. */
export const WorkerCount = z.number().int().min(1).max(1_000);

/** Body of `PATCH /v1/exports/:id`. */
export const ChangeExport = z.strictObject({ workers: WorkerCount });
export type ChangeExport = z.infer<typeof ChangeExport>;

/** Body of `POST /v1/exports`. Whether name, level and patterns make sense together is checked after this. */
export const CreateExport = z
  .strictObject({
    /** In a cluster: the one of claim and Secret, which `volume` and `destination` then name. */
    namespace: ConfiguredName.optional(),
    volume: ConfiguredName,
    destination: ConfiguredName,
    /** Base name of the archive; the volume's name and the time of the request where it's left out. */
    name: z.string().min(1).max(200).optional(),
    format: z.enum(FORMATS).default('tar.zst'),
    /** 1 to 19 for tar.zst (default 3), 1 to 9 for tar.gz (6), 0 for tar. */
    level: z.number().int().min(0).max(19).optional(),
    exclude: z.array(z.string().min(1).max(4_096)).max(1_000).default([]),
    onChange: z.enum(ON_CHANGE).default('record'),
    /** In a cluster: how many pods work on the volume at once; one where it's left out. */
    workers: WorkerCount.optional(),
    /** In a cluster: whether the claim itself is read, or a copy of it. */
    consistency: z.enum(CONSISTENCIES).default('Live'),
    /** With consistency Snapshot: the VolumeSnapshotClass; the driver's default where it's left out. */
    snapshotClass: ObjectName.optional(),
  })
  .refine(({ consistency, snapshotClass }) => consistency === 'Snapshot' || snapshotClass === undefined, {
    path: ['snapshotClass'],
    message: CLASS_WITHOUT_SNAPSHOT,
  });
export type CreateExport = z.infer<typeof CreateExport>;
/** The body as a client writes it, where what has a default may be left out. */
export type CreateExportInput = z.input<typeof CreateExport>;

/** What an error is about, in code and in words: `code` is stable, the sentence isn't. */
export const ExportError = z.object({ code: z.string(), message: z.string() });

export const ExportProgress = z.object({
  /** Whether the walk is over; until then the totals grow. */
  planned: z.boolean(),
  items: count,
  doneItems: count,
  files: count,
  /** Bytes of the uncompressed tar: in all, and packed. */
  tapeBytes: count,
  doneTapeBytes: count,
  /** Compressed bytes of what is packed. */
  archiveBytes: count,
  /** Items that were rendered and compressed, each time counted: more than `doneItems` where one was packed again. */
  packs: count,
  /** Attempts that failed and were made again. */
  retries: count,
  /** Tape bytes a second over the last minute; absent while nothing is being packed. */
  bytesPerSecond: z.number().min(0).optional(),
  /** Seconds until packing is done at that rate; absent until the volume is planned. */
  etaSeconds: z.number().min(0).optional(),
});
export type ExportProgress = z.infer<typeof ExportProgress>;

/** An export as the API shows it. Keys are relative to the destination. */
export const ExportStatus = z.object({
  id: z.string(),
  volume: z.string(),
  destination: z.string(),
  name: z.string(),
  format: z.enum(FORMATS),
  level: z.number().int(),
  exclude: z.array(z.string()),
  onChange: z.enum(ON_CHANGE),
  /** In a cluster: the pods that are asked for. */
  workers: count.optional(),
  /** In a cluster: what is read. */
  consistency: z.enum(CONSISTENCIES).optional(),
  /** With consistency Snapshot, where one was named. */
  snapshotClass: z.string().optional(),
  phase: z.enum(PHASES),
  created: z.iso.datetime(),
  started: z.iso.datetime().optional(),
  ended: z.iso.datetime().optional(),
  /** How often it was asked to be tried again. */
  retried: count,
  progress: ExportProgress,
  /** With phase Completed. */
  result: ExportResult.optional(),
  /** With phase Failed: why. In other phases: what it's waiting for to pass. */
  error: ExportError.optional(),
});
export type ExportStatus = z.infer<typeof ExportStatus>;

export const ExportList = z.object({
  exports: z.array(ExportStatus),
  /** `cursor` of the next page; absent on the last one. */
  next: z.string().optional(),
});
export type ExportList = z.infer<typeof ExportList>;

export const ListExports = z.strictObject({
  phase: z.enum(PHASES).optional(),
  /** In a cluster `NAMESPACE/CLAIM`. */
  volume: z
    .string()
    .max(1_400)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)?$/, "isn't a volume's name")
    .optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export type ListExports = z.infer<typeof ListExports>;

export const VolumeList = z.object({ volumes: z.array(z.object({ name: z.string() })) });
export const DestinationList = z.object({
  destinations: z.array(z.object({ name: z.string(), kind: z.enum(['s3', 'directory']) })),
});

/** `GET /v1/exports/:id/links`: where the archive's bytes are, for `expiresIn` seconds. */
export const ExportLinks = z.object({
  archive: z.url(),
  bytes: count,
  etag: z.string(),
  index: z.url(),
  manifest: z.url(),
  /** Seconds; absent where links don't expire: from a directory the producer serves the bytes itself. */
  expiresIn: count.optional(),
  /** The archive's bytes from its first to its last, in order, `end` exclusive; `crc32` is of those in the range. */
  segments: z.array(z.object({ start: count, end: count, crc32: Crc32 })),
});
export type ExportLinks = z.infer<typeof ExportLinks>;

/** Server-sent event `parts`: bit N (the highest bit of the first byte is 0) is set once item N is packed. */
export const PartMap = z.object({ items: count, done: z.base64() });
export type PartMap = z.infer<typeof PartMap>;

/** RFC 9457, with a stable `code`. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  requestId: z.string().optional(),
  /** Where a request is wrong in several places: each of them. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;
