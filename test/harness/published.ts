import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { constants, inflateRawSync, zstdDecompressSync } from 'node:zlib';
import { type Format, Manifest, publishedKeys } from '@longshore/shared';
import { z } from 'zod';

/** A row of the index's table `frame`. */
const FrameRow = z.object({
  tape_offset: z.number(),
  tape_bytes: z.number(),
  archive_offset: z.number(),
  archive_bytes: z.number(),
});
export type FrameRow = z.infer<typeof FrameRow>;

/** Text where it's UTF-8, bytes otherwise. */
const name = z.union([z.string(), z.instanceof(Uint8Array)]);

/** A row of the index's view `file`. */
const FileRow = z.object({
  path: name,
  type: z.string(),
  size: z.number(),
  mode: z.number(),
  uid: z.number(),
  gid: z.number(),
  mtime: z.number(),
  mtime_nsec: z.number(),
  link: name.nullable(),
  data_offset: z.number().nullable(),
  crc32: z.number().nullable(),
});
export type FileRow = z.infer<typeof FileRow>;

const columns = (row: z.ZodObject) => Object.keys(row.shape).join(', ');
const FRAMES = `SELECT ${columns(FrameRow)} FROM frame ORDER BY id`;
const FILES = `SELECT ${columns(FileRow)} FROM file ORDER BY id`;

/** How a frame is decoded that is alone, by nothing but docs/archive-format.md. */
const DECODE: Record<Format, (frame: Buffer) => Buffer> = {
  'tar.zst': (frame) => zstdDecompressSync(frame),
  'tar.gz': (frame) => inflateRawSync(frame, { finishFlush: constants.Z_SYNC_FLUSH }),
  tar: (frame) => frame,
};

/** An archive in a folder with its index and manifest, read without any of Longshore's own readers. */
export class Published implements Disposable {
  readonly archive: string;
  readonly format: Format;
  readonly manifest: Manifest;
  readonly #index: DatabaseSync;
  readonly #file: number;

  constructor(folder: string, { name, format }: { name: string; format: Format }) {
    const keys = publishedKeys(name, format);
    this.format = format;
    this.archive = join(folder, keys.archive);
    this.manifest = Manifest.parse(JSON.parse(readFileSync(join(folder, keys.manifest), 'utf8')));
    this.#index = new DatabaseSync(join(folder, keys.index), { readOnly: true });
    this.#file = openSync(this.archive, 'r');
  }

  get frames(): FrameRow[] {
    return this.#index
      .prepare(FRAMES)
      .all()
      .map((row) => FrameRow.parse(row));
  }

  /** Every entry, in the tape's order. */
  get files(): FileRow[] {
    return this.#index
      .prepare(FILES)
      .all()
      .map((row) => FileRow.parse(row));
  }

  /** Ranges of the archive between its frames: padding. */
  get gaps(): { start: number; end: number }[] {
    const { frames } = this;
    return frames.slice(1).flatMap(({ archive_offset: end }, n) => {
      const start = frames[n].archive_offset + frames[n].archive_bytes;
      return start === end ? [] : [{ start, end }];
    });
  }

  /** Bytes of the archive, fewer at its end. */
  read(offset: number, length: number): Buffer {
    return readRange(this.#file, offset, length);
  }

  /** The bytes of the tape that a frame holds, from that frame's bytes alone. */
  decode({ archive_offset, archive_bytes }: Pick<FrameRow, 'archive_offset' | 'archive_bytes'>): Buffer {
    return DECODE[this.format](this.read(archive_offset, archive_bytes));
  }

  [Symbol.dispose](): void {
    this.#index.close();
    closeSync(this.#file);
  }
}

/** Bytes of an open file, fewer at its end. */
export function readRange(file: number, offset: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(file, buffer, 0, length, offset));
}
