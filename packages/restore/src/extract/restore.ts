import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EntryType } from '@longshore/shared';
import type { IndexReader, IndexRow } from '@longshore/tape';
import { closeDescriptor, errno, type Root } from '@longshore/tape/posix';
import type { PublishedArchive } from '../archive/published-archive.ts';
import { readHeader } from '../header/read-header.ts';
import { EntryPaths } from './entry-paths.ts';
import { HeaderSpool } from './header-spool.ts';
import { setAttributes } from './set-attributes.ts';
import { Target } from './target.ts';
import { Troubles } from './troubles.ts';

/** Between two looks at whether it's over: a signal is heard then. */
const ENTRIES_AT_A_TIME = 500;

/** What another name can be given to; a symbolic link's other names are links of their own on the tape. */
const LINKABLE: ReadonlySet<EntryType | undefined> = new Set<EntryType | undefined>([
  'file',
  'fifo',
  'character',
  'block',
]);

export interface RestoreMeans {
  root: Root;
  /** For what is kept until the end. */
  temp: string;
  owners: boolean;
  signal?: AbortSignal;
}

/** What is done in the tape's order by the main thread: directories, hard links, and what comes last. */
export class Restore implements Disposable {
  readonly troubles = new Troubles();
  readonly headers: HeaderSpool;
  readonly target: Target;
  readonly #index: IndexReader;
  readonly #owners: boolean;
  readonly #signal: AbortSignal | undefined;

  constructor({ index }: PublishedArchive, { root, temp, owners, signal }: RestoreMeans) {
    this.#index = index;
    this.target = new Target(root);
    this.headers = new HeaderSpool(temp);
    this.#owners = owners;
    this.#signal = signal;
  }

  /** Open to this user only, until all is in them. */
  async makeDirectories(): Promise<void> {
    await this.#forEach(this.#index.ofType('directory'), (row, path) => {
      if (row.parent !== undefined) this.#expect(row, this.target.makeDirectory(path));
    });
  }

  async makeHardLinks(): Promise<void> {
    await this.#forEach(this.#index.ofType('hardlink'), (row, path) => {
      const first = row.link && this.#index.find(row.link);
      const canBe = row.link && LINKABLE.has(first?.type);
      this.#expect(row, canBe && row.link ? this.target.link(path, row.link) : -errno.EINVAL);
    });
  }

  /** From the last to the first: a directory that this user mayn't enter comes after what is in it. */
  async finishDirectories(): Promise<void> {
    await this.#forEach(this.#index.ofType('directory', { reverse: true }), (row, path) =>
      this.finish(row, path),
    );
  }

  /** Sets the attributes of what is at a path, with those of its header if that was kept. */
  finish(row: IndexRow, path: Buffer): void {
    const fd = this.target.look(path);
    if (fd < 0) {
      this.#expect(row, fd);
      return;
    }
    const header = this.headers.get(row.id);
    const attributes = header && readHeader(header);
    if (header && !attributes) this.troubles.unreadable(row.id);
    const xattrs = attributes?.xattrs ?? [];
    for (const unset of setAttributes(fd, { row, xattrs, owners: this.#owners }))
      this.troubles.unset(row.id, unset);
    closeDescriptor(fd);
  }

  [Symbol.dispose](): void {
    this.target[Symbol.dispose]();
    this.headers[Symbol.dispose]();
  }

  #expect({ id }: IndexRow, answer: number): void {
    if (answer < 0) this.troubles.failed(id, answer);
  }

  async #forEach(rows: Iterable<IndexRow>, visit: (row: IndexRow, path: Buffer) => void): Promise<void> {
    const paths = new EntryPaths(this.#index);
    let count = 0;
    for (const row of rows) {
      visit(row, paths.of(row));
      count += 1;
      if (count % ENTRIES_AT_A_TIME === 0) await nextTurn();
      this.#signal?.throwIfAborted();
    }
  }
}
