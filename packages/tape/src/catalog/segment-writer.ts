import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';
import type { SkipReason } from '@longshore/shared';
import { Packr, RESET_BUFFER_MODE } from 'msgpackr';
import { ChunkEncoder } from './chunk-encoder.ts';
import type { PlannedEntry } from './columns.ts';
import { CHUNK_BYTES, CHUNK_ENTRIES, SEGMENT_MAGIC, type SegmentFoot, type SegmentHead } from './segment.ts';

// Records would keep their structures outside of the file, and decode silently wrong without them.
const packr = new Packr({ useRecords: false });
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 } };

/** An encoder's buffers outlive a segment: segments come one after the other, and thousands of them. */
let spare: ChunkEncoder | undefined;

function takeEncoder(): ChunkEncoder {
  const encoder = spare ?? new ChunkEncoder();
  spare = undefined;
  return encoder;
}

function giveBack(encoder: ChunkEncoder): void {
  encoder.clear();
  spare = encoder;
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
  #chunk = takeEncoder();
  #skipped: Skipped[] = [];
  #skippedBytes = 0;

  constructor(file: string, head: Omit<SegmentHead, 'kind' | 'version'>) {
    this.file = file;
    this.#fd = openSync(file, 'wx', 0o600);
    this.#write(SEGMENT_MAGIC);
    this.#block({ kind: 'head', version: 1, ...head });
  }

  add(planned: PlannedEntry): void {
    this.#chunk.add(planned);
    this.#entries++;
    if (this.#chunk.isFull) this.#flush();
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
    if (this.#fd < 0) return;
    closeSync(this.#fd);
    this.#fd = -1;
    giveBack(this.#chunk);
  }

  #flush(): void {
    if (!this.#chunk.isEmpty) this.#block(this.#chunk.take());
  }

  #flushSkipped(): void {
    if (this.#skipped.length === 0) return;
    this.#block({ kind: 'skipped', names: this.#skipped.map(({ path, reason }) => [path, reason]) });
    this.#skipped = [];
    this.#skippedBytes = 0;
  }

  #block(content: unknown): void {
    // Its buffer is used again for the next block: nothing of it is needed any more then.
    const packed = zstdCompressSync(packr.pack(content, RESET_BUFFER_MODE), ZSTD);
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
