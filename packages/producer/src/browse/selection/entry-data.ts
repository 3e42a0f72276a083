import type { SelectionFormat } from '@longshore/shared';
import type { IndexEntry, IndexedPath } from '@longshore/tape';
import type { EntryData } from 'archiver';
import { textOf } from '../entry-path.ts';

/** An entry as archiver takes it for a zip, and what a tar says beyond that. */
export interface PackedEntry extends EntryData {
  /** Of its content, in bytes. */
  size: number;
  date: Date;
  linkname?: string;
  uid?: number;
  gid?: number;
  pax?: Record<string, string>;
}

const TYPES: Partial<Record<IndexEntry['type'], 'file' | 'directory' | 'symlink'>> = {
  file: 'file',
  hardlink: 'file',
  directory: 'directory',
  symlink: 'symlink',
};

/**
 * An entry as archiver takes it; undefined for what a selection leaves out: the root, which has no name, and FIFOs
 * and devices. A hard link is a file of its own.
 */
export function entryData(
  { path, entry }: IndexedPath,
  { format, size }: { format: SelectionFormat; size: number },
): PackedEntry | undefined {
  const type = TYPES[entry.type];
  if (!type || path.length === 0) return undefined;
  return {
    ...{ name: safeName(path), type, mode: entry.mode, date: dateOf(entry), size },
    ...(type === 'symlink' && entry.link && { linkname: textOf(entry.link) }),
    ...(format === 'tar' && ownerAndTime(entry)),
  };
}

/** A drive's letter, to archiver: it would be cut off. */
const DRIVE = /^(\w+):/;

/** archiver takes a backslash for a slash, and has no names that aren't UTF-8: both are written as `%` and two digits. */
function safeName(path: Buffer): string {
  return textOf(path).replaceAll('\\', '%5C').replace(DRIVE, '$1%3A');
}

/** The last second that a header of tar-stream holds; a pax record has the time itself. */
const MAX_SECONDS = 2 ** 31 - 1;

function dateOf({ mtime }: IndexEntry): Date {
  return new Date(Math.min(Math.max(mtime, 0), MAX_SECONDS) * 1_000);
}

/** tar-stream's headers hold no large ids and no fractions of seconds; pax records do. */
function ownerAndTime({ uid, gid, mtime, mtimeNsec }: IndexEntry): Pick<PackedEntry, 'uid' | 'gid' | 'pax'> {
  return { uid, gid, pax: { uid: String(uid), gid: String(gid), mtime: decimal(mtime, mtimeNsec) } };
}

/** Seconds in decimal. Before the epoch the number itself is negative: -1.5 is a second and a half before it. */
function decimal(seconds: number, nanoseconds: number): string {
  if (seconds < 0 && nanoseconds > 0) return `-${-seconds - 1}.${nine(1e9 - nanoseconds)}`;
  return nanoseconds === 0 ? String(seconds) : `${seconds}.${nine(nanoseconds)}`;
}

const nine = (nanoseconds: number) => String(nanoseconds).padStart(9, '0');
