import type { IndexReader, IndexRow } from '@longshore/tape';

const SLASH = Buffer.from('/');
/** Directories whose path is remembered; entries come directory by directory. */
const KNOWN = 1_000;

/** Paths of entries that are looked at in their order, without asking the index for every one. */
export class EntryPaths {
  readonly #index: IndexReader;
  readonly #directories = new Map<number, Buffer>();

  constructor(index: IndexReader) {
    this.#index = index;
  }

  /** A directory's is remembered: ask for it before those of its entries. */
  of({ id, parent, name, type }: Pick<IndexRow, 'id' | 'parent' | 'name' | 'type'>): Buffer {
    const above = parent === undefined ? undefined : this.#directory(parent);
    const path = above && above.length > 0 ? Buffer.concat([above, SLASH, name]) : name;
    if (type === 'directory') this.#remember(id, path);
    return path;
  }

  #directory(id: number): Buffer {
    return this.#directories.get(id) ?? this.#remember(id, this.#index.pathOf(id));
  }

  #remember(id: number, path: Buffer): Buffer {
    if (this.#directories.size >= KNOWN) this.#directories.clear();
    this.#directories.set(id, path);
    return path;
  }
}
