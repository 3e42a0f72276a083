import type { FileEntry } from '@longshore/shared';
import prettyBytes from 'pretty-bytes';
import { shownName } from './file-name.ts';

/** As `ls` and `tar` put them in front of the permissions. */
const TYPE_LETTERS: Record<FileEntry['type'], string> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  fifo: 'p',
  character: 'c',
  block: 'b',
};

/** Columns are this wide, or wider where they must: a directory of a million isn't read twice to be neat. */
const WIDTHS = { owner: 11, size: 8 };

/** A path, or a link's target, in bytes. */
export function bytesOf({ path, pathBase64 }: { path?: string; pathBase64?: string }): Buffer {
  return pathBase64 === undefined ? Buffer.from(path ?? '') : Buffer.from(pathBase64, 'base64');
}

/** `-rw-r--r--  1000:1000   1.2 MB  2026-03-01T10:20:30Z  NAME`, a line; `name` is what is shown of its path. */
export function fileLine(entry: FileEntry, name: Buffer): string {
  const { type, mode, uid, gid, size, mtime, drift } = entry;
  const cells = [
    TYPE_LETTERS[type] + permissions(mode),
    `${uid}:${gid}`.padEnd(WIDTHS.owner),
    prettyBytes(size).padStart(WIDTHS.size),
    timeOf(mtime),
    `${shownName(name)}${suffixOf(entry)}`,
    ...(drift ? [`(${drift} when it was read)`] : []),
  ];
  return `${cells.join('  ')}\n`;
}

function suffixOf({ type, link, linkBase64 }: FileEntry): string {
  if (type === 'directory') return '/';
  if (link === undefined && linkBase64 === undefined) return '';
  return ` -> ${shownName(bytesOf({ path: link, pathBase64: linkBase64 }))}`;
}

/** `rwxr-x--t`, as POSIX has it for `ls -l`. */
function permissions(mode: number): string {
  const triples = [
    { shift: 6, special: 0o4000, letter: 's' },
    { shift: 3, special: 0o2000, letter: 's' },
    { shift: 0, special: 0o1000, letter: 't' },
  ];
  return triples
    .map(({ shift, special, letter }) => {
      const bits = mode >> shift;
      const executes = (bits & 1) !== 0;
      const plain = executes ? 'x' : '-';
      const marked = executes ? letter : letter.toUpperCase();
      return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${mode & special ? marked : plain}`;
    })
    .join('');
}

/** Whole seconds, in UTC; what no calendar has is shown as `@SECONDS`. */
function timeOf(seconds: number): string {
  const time = new Date(seconds * 1_000);
  return Number.isNaN(time.getTime()) ? `@${seconds}` : time.toISOString().replace('.000Z', 'Z');
}
