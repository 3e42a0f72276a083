import type { FrameSize } from './codec/codec.ts';
import { TapeError } from './error.ts';

/**
 * The seek table of the zstd seekable format 0.1.0 (zstd's contrib/seekable_format), in its own skippable
 * frame at the file's end, all numbers little-endian:
 *
 *     u32 0x184D2A5E, u32 bytes that follow
 *     for each frame and each skippable frame before the table: u32 compressed size, u32 raw size
 *     u32 number of entries, u8 descriptor (0: no checksums), u32 0x8F92EAB1
 */
const TABLE_MAGIC = 0x184d2a5e;
const FOOTER_MAGIC = 0x8f92eab1;
const HEADER_BYTES = 8;
const ENTRY_BYTES = 8;
export const SEEK_TABLE_FOOTER_BYTES = 9;

/** Bit 7 says that each entry has a checksum; bits 6 to 2 are reserved and zero. */
const CHECKSUM_FLAG = 0x80;
const RESERVED_BITS = 0x7c;

/** The format's own limit; the longest tape has a tenth of it. */
const MAX_ENTRIES = 0x8000000;

const CHUNK_BYTES = 2 ** 20;

/** Collects frames, 8 bytes each, because the count stands before them. */
export class SeekTable {
  readonly #chunks: Buffer[] = [];
  #free = 0;
  #entries = 0;

  add({ raw, compressed }: FrameSize): void {
    if (this.#free === 0) this.#grow();
    const at = CHUNK_BYTES - this.#free;
    const chunk = this.#chunks.at(-1)!;
    chunk.writeUInt32LE(compressed, at);
    chunk.writeUInt32LE(raw, at + 4);
    this.#free -= ENTRY_BYTES;
    this.#entries += 1;
  }

  /** The table as its skippable frame. */
  *encode(): Generator<Buffer> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(TABLE_MAGIC, 0);
    header.writeUInt32LE(this.#entries * ENTRY_BYTES + SEEK_TABLE_FOOTER_BYTES, 4);
    yield header;
    for (const [n, chunk] of this.#chunks.entries()) {
      yield n === this.#chunks.length - 1 ? chunk.subarray(0, CHUNK_BYTES - this.#free) : chunk;
    }
    yield this.#footer();
  }

  #grow(): void {
    this.#chunks.push(Buffer.allocUnsafe(CHUNK_BYTES));
    this.#free = CHUNK_BYTES;
  }

  #footer(): Buffer {
    const footer = Buffer.alloc(SEEK_TABLE_FOOTER_BYTES);
    footer.writeUInt32LE(this.#entries, 0);
    footer.writeUInt32LE(FOOTER_MAGIC, 5);
    return footer;
  }
}

/**
 * How many of an archive's last bytes are its seek table, told from its last 9 or more bytes. Throws CORRUPT
 * where they aren't the end of one, or of one with checksums, which Longshore doesn't write.
 */
export function seekTableBytes(end: Buffer): number {
  const footer = end.subarray(-SEEK_TABLE_FOOTER_BYTES);
  if (footer.length < SEEK_TABLE_FOOTER_BYTES || footer.readUInt32LE(5) !== FOOTER_MAGIC) {
    throw corrupt('The archive does not end with a seek table.');
  }
  const entries = footer.readUInt32LE(0);
  if ((footer[4] & (CHECKSUM_FLAG | RESERVED_BITS)) !== 0 || entries > MAX_ENTRIES) {
    throw corrupt('The archive ends with a seek table that was not written by Longshore.');
  }
  return HEADER_BYTES + entries * ENTRY_BYTES + SEEK_TABLE_FOOTER_BYTES;
}

/**
 * The sizes of an archive's frames and paddings, in order, from bytes at its end that hold at least the whole
 * table (`seekTableBytes` of them). Throws CORRUPT.
 */
export function readSeekTable(end: Buffer): Iterable<FrameSize> {
  const bytes = seekTableBytes(end);
  if (end.length < bytes) throw corrupt(`The seek table has ${bytes} bytes, and ${end.length} are given.`);
  const table = end.subarray(-bytes);
  if (table.readUInt32LE(0) !== TABLE_MAGIC || table.readUInt32LE(4) !== bytes - HEADER_BYTES) {
    throw corrupt('The seek table does not start where its end says.');
  }
  return framesOf(table.subarray(HEADER_BYTES, -SEEK_TABLE_FOOTER_BYTES));
}

function* framesOf(entries: Buffer): Generator<FrameSize> {
  for (let at = 0; at < entries.length; at += ENTRY_BYTES) {
    yield { compressed: entries.readUInt32LE(at), raw: entries.readUInt32LE(at + 4) };
  }
}

const corrupt = (message: string) => new TapeError('CORRUPT', message);
