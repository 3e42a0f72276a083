import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';
import type { SkipReason } from '@longshore/shared';
import { Packr } from 'msgpackr';
import { encodeChunk, type PlannedEntry } from './columns.ts';
import { CHUNK_BYTES, CHUNK_ENTRIES, SEGMENT_MAGIC, type SegmentFoot, type SegmentHead } from './segment.ts';

// Records would keep their structures outside of the file, and decode silently wrong without them.
const packr = new Packr({ useRecords: false });
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };

/** What an entry weighs besides its fixed columns. */
function variableBytes({ entry }: PlannedEntry): number {
  let total = entry.path.length + (entry.link?.length ?? 0);
  for (const { name, value } of entry.xattrs) total += name.length + value.length;
  return total;
}

export interface Skipped {
  path: Buffer;
  reason: SkipReason;
}

/**
 * Writes one segment to a local file, synchronously and as a stream: memory holds one chunk, whatever the
 * number of entries. The file is complete once `finish` has returned.
 */
export class SegmentWriter implements Disposable {
  readonly file: string;
  #fd: number;
  #digest = createHash('sha256');
  #bytes = 0;
  #entries = 0;
  #pending: PlannedEntry[] = [];
  #pendingBytes = 0;
  #skipped: Skipped[] = [];
  #skippedBytes = 0;

  constructor(file: string, head: Omit<SegmentHead, 'kind' | 'version'>) {
    this.file = file;
    this.#fd = openSync(file, 'wx', 0o600);
    this.#write(SEGMENT_MAGIC);
    this.#block({ kind: 'head', version: 1, ...head });
  }

  add(planned: PlannedEntry): void {
    this.#pending.push(planned);
    this.#pendingBytes += variableBytes(planned);
    this.#entries++;
    if (this.#pending.length >= CHUNK_ENTRIES || this.#pendingBytes >= CHUNK_BYTES) this.#flush();
  }

  skip(skipped: Skipped): void {
    this.#skipped.push(skipped);
    this.#skippedBytes += skipped.path.length;
    if (this.#skipped.length >= CHUNK_ENTRIES || this.#skippedBytes >= CHUNK_BYTES) this.#flushSkipped();
  }

  /** Closes the file. Returns its size in bytes and its SHA-256 in hex. */
  finish(foot: Omit<SegmentFoot, 'kind' | 'entries'>): { bytes: number; digest: string } {
    this.#flush();
    this.#flushSkipped();
    this.#block({ kind: 'foot', entries: this.#entries, ...foot });
    this[Symbol.dispose]();
    return { bytes: this.#bytes, digest: this.#digest.digest('hex') };
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    this.#block(encodeChunk(this.#pending));
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #flushSkipped(): void {
    if (this.#skipped.length === 0) return;
    this.#block({ kind: 'skipped', names: this.#skipped.map(({ path, reason }) => [path, reason]) });
    this.#skipped = [];
    this.#skippedBytes = 0;
  }

  #block(content: unknown): void {
    const packed = zstdCompressSync(packr.pack(content), ZSTD);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(packed.length);
    this.#write(length);
    this.#write(packed);
  }

  #write(data: Buffer): void {
    this.#digest.update(data);
    for (let at = 0; at < data.length; ) at += writeSync(this.#fd, data, at);
    this.#bytes += data.length;
  }
}
