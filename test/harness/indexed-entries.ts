import { createHash } from 'node:crypto';
import type { FileRow, Published } from './published.ts';
import type { TapeFile } from './tape-file.ts';

/** What an index knows of an entry, as snapshots of trees have it: names in base64, mtime in nanoseconds. */
export interface IndexedEntry {
  path: string;
  type: string;
  mode: string;
  owner: string;
  mtime: string;
  size?: string;
  content?: string;
  link?: string;
}

/** The entries of an archive as its index tells them, files' contents from the tape range that it gives. */
export function indexedEntries({ files }: Published, tape: TapeFile): IndexedEntry[] {
  return files.map((file) => ({
    path: base64(file.path),
    type: file.type,
    mode: `0o${file.mode.toString(8)}`,
    owner: `${file.uid}:${file.gid}`,
    mtime: String(BigInt(file.mtime) * 1_000_000_000n + BigInt(file.mtime_nsec)),
    ...(file.type === 'file' ? { size: String(file.size), content: sha256(tape.content(file)) } : {}),
    ...(file.link === null ? {} : { link: base64(file.link) }),
  }));
}

const base64 = (name: FileRow['path']) => Buffer.from(name).toString('base64');
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
