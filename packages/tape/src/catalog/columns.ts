import { ENTRY_TYPES } from '@longshore/shared';
import { z } from 'zod';
import type { Entry, Xattr } from '../entry.ts';
import { TapeError } from '../error.ts';

/** An entry, and whether planning it met a directory that can't be listed. */
export interface PlannedEntry {
  entry: Entry;
  unreadable: boolean;
}

type NumberArray = Uint8Array | Uint16Array | Uint32Array | Float64Array | BigUint64Array;

/** Fixed-width columns and their widths. Times are Float64 because seconds exceed 32 bits. */
export const COLUMNS = {
  type: Uint8Array,
  mode: Uint16Array,
  uid: Uint32Array,
  gid: Uint32Array,
  mtime: Float64Array,
  mtimeNsec: Uint32Array,
  size: Float64Array,
  inode: BigUint64Array,
  links: Uint32Array,
  ctime: Float64Array,
  ctimeNsec: Uint32Array,
  /** Bytes that the path shares with the path of the row before … */
  shared: Uint32Array,
  /** … and the bytes of its own that follow them. */
  suffix: Uint32Array,
} as const;
export type ColumnName = keyof typeof COLUMNS;
export type Columns = { [Name in ColumnName]: InstanceType<(typeof COLUMNS)[Name]> };

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'not bytes');
const Rare = z.object({
  row: z.number().int().min(0),
  unreadable: z.boolean().optional(),
  link: bytes.optional(),
  major: z.number().int().min(0).optional(),
  minor: z.number().int().min(0).optional(),
  xattrs: z.array(z.tuple([bytes, bytes])).optional(),
});
/** As it is written: any view of bytes will do. */
export interface Rare {
  row: number;
  unreadable?: boolean;
  link?: Uint8Array;
  major?: number;
  minor?: number;
  xattrs?: [Uint8Array, Uint8Array][];
}

const Chunk = z.object({
  kind: z.literal('entries'),
  rows: z.number().int().min(1),
  columns: z.record(z.string(), bytes),
  suffixes: bytes,
  rare: z.array(Rare),
});
export type Chunk = z.infer<typeof Chunk>;

export const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[];
function damaged(what: string): TapeError {
  return new TapeError('CORRUPT', `A catalog segment is damaged (${what}); export the volume again.`);
}

function columnOf<Name extends ColumnName>(chunk: Chunk, name: Name): Columns[Name] {
  const raw = chunk.columns[name];
  const width = COLUMNS[name].BYTES_PER_ELEMENT;
  if (raw?.length !== chunk.rows * width) throw damaged(`column ${name}`);
  // A copy, because a typed array's offset must be a multiple of its width.
  const aligned: NumberArray = new COLUMNS[name](new Uint8Array(raw).buffer);
  return aligned as Columns[Name];
}

function columnsOf(chunk: Chunk): Columns {
  return Object.fromEntries(COLUMN_NAMES.map((name) => [name, columnOf(chunk, name)])) as Columns;
}

const asBuffer = (data: Uint8Array) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
const asXattr = ([name, value]: [Uint8Array, Uint8Array]): Xattr => ({
  name: asBuffer(name),
  value: asBuffer(value),
});

/** A planned path must stay below the root: what is opened with it comes from the work area, which others can write. */
function checkPath(path: Buffer): void {
  const text = path.toString('latin1');
  if (text.includes('\0') || `/${text}/`.includes('/../') || text.startsWith('/')) throw damaged('a path');
}

/** What the columns can hold and no walk gives: with a size of NaN a tape would have no end. */
function checkEntry({ type, size, mtime, ctime, link, deviceMajor }: Entry): void {
  if (!Number.isSafeInteger(size) || size < 0 || (size > 0 && type !== 'file')) throw damaged('a size');
  if (!Number.isInteger(mtime) || !Number.isInteger(ctime)) throw damaged('a time');
  if ((type === 'symlink' || type === 'hardlink') && !link) throw damaged('a link');
  if ((type === 'character' || type === 'block') && deviceMajor === undefined) throw damaged('a device');
}

function decodeRow(
  columns: Columns,
  row: number,
  rest: { path: Buffer; rare: Rare | undefined },
): PlannedEntry {
  const type = ENTRY_TYPES[columns.type[row]];
  if (type === undefined) throw damaged(`entry type ${columns.type[row]}`);
  const { path, rare } = rest;
  const entry: Entry = {
    path,
    type,
    mode: columns.mode[row],
    uid: columns.uid[row],
    gid: columns.gid[row],
    mtime: columns.mtime[row],
    mtimeNsec: columns.mtimeNsec[row],
    size: columns.size[row],
    inode: columns.inode[row],
    links: columns.links[row],
    ctime: columns.ctime[row],
    ctimeNsec: columns.ctimeNsec[row],
    xattrs: rare?.xattrs?.map(asXattr) ?? [],
  };
  if (rare?.link) entry.link = asBuffer(rare.link);
  if (rare?.major !== undefined) {
    entry.deviceMajor = rare.major;
    entry.deviceMinor = rare.minor;
  }
  checkEntry(entry);
  return { entry, unreadable: rare?.unreadable ?? false };
}

/** The entries of a chunk as it was read: validated, because the work area is not only ours. Throws CORRUPT. */
export function* decodeChunk(block: unknown): Generator<PlannedEntry> {
  const parsed = Chunk.safeParse(block);
  if (!parsed.success) throw damaged(z.prettifyError(parsed.error));
  const chunk = parsed.data;
  const columns = columnsOf(chunk);
  const rare = new Map(chunk.rare.map((extra) => [extra.row, extra]));
  const suffixes = asBuffer(chunk.suffixes);
  let before: Buffer = Buffer.alloc(0);
  let at = 0;
  for (let row = 0; row < chunk.rows; row++) {
    if (columns.shared[row] > before.length) throw damaged('a shared prefix');
    const suffix = suffixes.subarray(at, at + columns.suffix[row]);
    const path =
      columns.shared[row] === 0 ? suffix : Buffer.concat([before.subarray(0, columns.shared[row]), suffix]);
    at += columns.suffix[row];
    checkPath(path);
    yield decodeRow(columns, row, { path, rare: rare.get(row) });
    before = path;
  }
}
