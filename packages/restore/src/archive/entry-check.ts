import { BLOCK_BYTES, type IndexRow, padded } from '@longshore/tape';
import { displayPath } from '@longshore/tape/posix';
import { RestoreError } from '../error.ts';

interface OpenDirectory {
  id: number;
  /** The child that came last. */
  lastName: Buffer | undefined;
}

const SLASH = 0x2f;
const DOTS: readonly Buffer[] = [Buffer.from(''), Buffer.from('.'), Buffer.from('..')];

/**
 * Looks at an index's entries in their order, for what an export never writes: names that lead elsewhere, two
 * entries of one name, entries below something that is no directory, ranges that overlap. Each throws
 * UNSAFE_ARCHIVE. Memory grows with the depth of the tree only.
 */
export class EntryCheck {
  readonly #directories: OpenDirectory[] = [];
  #before: IndexRow | undefined;

  next(row: IndexRow): void {
    this.#expectInOrder(row);
    if (row.parent === undefined) this.#expectRoot(row);
    else this.#expectInDirectory(row, row.parent);
    if (row.type === 'directory') this.#directories.push({ id: row.id, lastName: undefined });
    this.#before = row;
  }

  /** `tapeEnd`: where the entries end. */
  finish(tapeEnd: number): void {
    if (!this.#before) throw unsafe('it has no entries');
    this.#expectEnd(this.#before, tapeEnd);
  }

  #expectInOrder(row: IndexRow): void {
    if (row.id !== (this.#before?.id ?? 0) + 1) throw unsafe(`entry ${row.id} is out of order`);
    if (this.#before) this.#expectEnd(this.#before, row.tapeOffset);
    else if (row.tapeOffset !== 0) throw unsafe('its first entry is not at the start');
  }

  /** An entry is its header, and for a file its content, up to a whole block. */
  #expectEnd({ id, type, size, tapeOffset, dataOffset }: IndexRow, end: number): void {
    const isFile = type === 'file';
    const headerEnd = isFile ? dataOffset : end;
    const content = isFile ? padded(size) : 0;
    const fits = headerEnd !== undefined && size >= 0 && headerEnd + content === end;
    const hasHeader = fits && headerEnd - tapeOffset >= BLOCK_BYTES && headerEnd % BLOCK_BYTES === 0;
    if (!hasHeader) throw unsafe(`entry ${id} does not end where the next one begins`);
  }

  #expectRoot({ id, type, name }: IndexRow): void {
    if (id !== 1 || type !== 'directory' || name.length > 0) throw unsafe(`entry ${id} is in no directory`);
  }

  #expectInDirectory({ id, name }: IndexRow, parent: number): void {
    if (DOTS.some((dots) => dots.equals(name)) || name.includes(SLASH) || name.includes(0))
      throw unsafe(`the name ${displayPath(name)} of entry ${id} leads out of its directory`);
    while (this.#directories.length > 0 && this.#directories.at(-1)!.id !== parent) this.#directories.pop();
    const directory = this.#directories.at(-1);
    if (!directory)
      throw unsafe(`entry ${id}, ${displayPath(name)}, is below something that is no directory`);
    if (directory.lastName && Buffer.compare(directory.lastName, name) >= 0)
      throw unsafe(`entry ${id}, ${displayPath(name)}, is there twice, or out of order`);
    directory.lastName = name;
  }
}

function unsafe(reason: string): RestoreError {
  const message = `The index is not one that an export writes: ${reason}. Nothing of this archive is restored.`;
  return new RestoreError('UNSAFE_ARCHIVE', message);
}
