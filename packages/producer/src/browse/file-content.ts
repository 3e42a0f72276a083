import type { IndexReader } from '@longshore/tape';
import { crc32, type IndexEntry, TapeError } from '@longshore/tape';
import { ProducerError } from '../error.ts';
import { shown } from './entry-path.ts';
import type { TapeReader } from './tape-reader.ts';

/** A file whose bytes are in the archive. */
export interface ArchivedFile {
  entry: IndexEntry;
  size: number;
  dataOffset: number;
  crc32: number;
}

/** The entry at a path. NO_SUCH_ENTRY. */
export function entryAt(index: IndexReader, path: Buffer): IndexEntry {
  const entry = index.find(path);
  if (entry) return entry;
  throw new ProducerError('NO_SUCH_ENTRY', `The archive has no ${shown(path)}.`);
}

/** The file at a path, or the one that a hard link there is another name of. NO_SUCH_ENTRY, NOT_A_FILE. */
export function fileAt(index: IndexReader, path: Buffer): ArchivedFile {
  const entry = entryAt(index, path);
  if (entry.type === 'file' || entry.type === 'hardlink') return fileOf(index, entry);
  throw new ProducerError(
    'NOT_A_FILE',
    `${shown(path)} is a ${entry.type}: only a file has content. Links are not followed.`,
  );
}

/** The file of an entry that is one, or a hard link to one. CORRUPT where the link leads elsewhere. */
export function fileOf(index: IndexReader, entry: IndexEntry): ArchivedFile {
  const file = entry.type === 'hardlink' && entry.link ? index.find(entry.link) : entry;
  if (file?.type !== 'file' || file.dataOffset === undefined || file.crc32 === undefined)
    throw new TapeError('CORRUPT', `Entry ${entry.id} of the archive's index leads to no file; verify it.`);
  return { entry: file, size: file.size, dataOffset: file.dataOffset, crc32: file.crc32 };
}

/**
 * A file's bytes, or those of a range. Where all are read, the last piece comes only once their CRC-32 is found to be
 * the index's: CORRUPT otherwise, so that nobody has a whole file that is another.
 */
export async function* contentOf(
  tape: TapeReader,
  file: ArchivedFile,
  range: { start: number; end: number } = { start: 0, end: file.size },
): AsyncGenerator<Buffer> {
  const isWhole = range.start === 0 && range.end === file.size;
  let crc = 0;
  let seen = range.start;
  for await (const piece of tape.read({
    start: file.dataOffset + range.start,
    end: file.dataOffset + range.end,
  })) {
    crc = crc32(piece, crc);
    seen += piece.length;
    if (isWhole && seen === file.size && crc !== file.crc32) throw otherContent(file);
    yield piece;
  }
}

function otherContent({ entry }: ArchivedFile): TapeError {
  return new TapeError(
    'CORRUPT',
    `The content of entry ${entry.id} isn't what was archived; verify the archive.`,
  );
}
