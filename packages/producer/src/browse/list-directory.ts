import type { FileEntry, FileList } from '@longshore/shared';
import { crc32Hex, type IndexEntry, type IndexReader } from '@longshore/tape';
import { ProducerError } from '../error.ts';
import { nameOf } from './entry-path.ts';
import { entryAt } from './file-content.ts';

export interface Page {
  /** `next` of the page before. */
  cursor?: string;
  limit: number;
}

/** An entry, and where it's a directory a page of what is in it. NO_SUCH_ENTRY. */
export function listDirectory(index: IndexReader, path: Buffer, { cursor, limit }: Page): FileList {
  const entry = shownEntry(path, entryAt(index, path));
  const after = cursor === undefined ? undefined : nameFrom(cursor);
  const found = [...index.entries(path, { after, limit: limit + 1 })];
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return {
    entry,
    entries: page.map((each) => shownEntry(below(path, each.name), each)),
    ...(last && { next: last.name.toString('base64url') }),
  };
}

function nameFrom(cursor: string): Buffer {
  const name = Buffer.from(cursor, 'base64url');
  if (name.length > 0 && name.toString('base64url') === cursor) return name;
  throw new ProducerError('BAD_REQUEST', 'The cursor is no `next` of a page before.');
}

const SEPARATOR = Buffer.from('/');

const below = (path: Buffer, name: Buffer) =>
  path.length === 0 ? name : Buffer.concat([path, SEPARATOR, name]);

function shownEntry(path: Buffer, entry: IndexEntry): FileEntry {
  const { type, size, mode, uid, gid, mtime, mtimeNsec, link, crc32, drift } = entry;
  const target = link && nameOf(link);
  return {
    ...nameOf(path),
    ...{ type, size, mode, uid, gid, mtime, mtimeNsec },
    ...(target?.path !== undefined && { link: target.path }),
    ...(target?.pathBase64 !== undefined && { linkBase64: target.pathBase64 }),
    ...(crc32 !== undefined && { crc32: crc32Hex(crc32) }),
    ...(drift && { drift }),
  };
}
