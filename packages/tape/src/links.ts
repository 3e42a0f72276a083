import type { Entry } from './entry.ts';
import { LinkTable } from './link-table.ts';

/** Groups kept in memory, at some 200 bytes and a path each; beyond, they move to a file. */
const IN_MEMORY = 100_000;

export interface LinkGroupsOptions {
  /** An existing directory for the scratch file, which has no name there once it's open. */
  scratch: string;
  /** Open groups above which they move to the scratch file. */
  limit?: number;
}

/** One inode, some of whose names were seen and some not. */
export interface LinkGroup {
  /** The first name in walk order. */
  path: Buffer;
  /** Names still to come. */
  remaining: number;
  mtime: number;
  mtimeNsec: number;
}

/** Where groups are kept, by inode number. */
export interface GroupStore {
  get(inode: bigint): LinkGroup | undefined;
  set(inode: bigint, group: LinkGroup): unknown;
  delete(inode: bigint): unknown;
}

type Seen = Pick<Entry, 'path' | 'type' | 'inode' | 'links' | 'mtime' | 'mtimeNsec'>;

/**
 * Finds the files that are further names of one met before. A group is forgotten once all its names were seen;
 * one with names outside the volume, or below an exclude, stays until the end.
 *
 * A directory full of files can be deleted and another made while a volume is walked, and inode numbers come
 * back at once on ext4. So a name joins a group only if its mtime is the group's: a file that is stored twice is
 * no harm, one that is stored as another's name is lost.
 *
 * Only regular files have groups. Further names of symbolic links, FIFOs and devices become the same node
 * again, as GNU tar and bsdtar do; 7-Zip refuses a hard link to a symbolic link as dangerous.
 */
export class LinkGroups implements Disposable {
  readonly #scratch: string;
  readonly #limit: number;
  readonly #memory = new MemoryGroups();
  #table: LinkTable | undefined;
  #size = 0;

  constructor({ scratch, limit = IN_MEMORY }: LinkGroupsOptions) {
    this.#scratch = scratch;
    this.#limit = limit;
  }

  /** Open groups. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes note of an entry, and answers the path of its file if that came before, undefined if this is the
   * first name. Called with all entries of a walk in their order, freshly read ones (still `file`) or ones
   * planned earlier (`hardlink` already), it always gives the same answers.
   */
  see(entry: Seen): Buffer | undefined {
    if (entry.links < 2 || (entry.type !== 'file' && entry.type !== 'hardlink')) return undefined;
    const group = this.#groups.get(entry.inode);
    if (group === undefined) this.#size++;
    if (group === undefined || !isOneFile(group, entry)) {
      this.#begin(entry);
      return undefined;
    }
    this.#countDown(entry.inode, group);
    return group.path;
  }

  [Symbol.dispose](): void {
    this.#table?.[Symbol.dispose]();
    this.#table = undefined;
    this.#memory.clear();
    this.#size = 0;
  }

  get #groups(): GroupStore {
    return this.#table ?? this.#memory;
  }

  #begin({ path, inode, links, mtime, mtimeNsec }: Seen): void {
    this.#groups.set(inode, { path, remaining: links - 1, mtime, mtimeNsec });
    if (this.#table === undefined && this.#size > this.#limit) this.#spill();
  }

  #countDown(inode: bigint, group: LinkGroup): void {
    if (group.remaining <= 1) {
      this.#groups.delete(inode);
      this.#size--;
    } else this.#groups.set(inode, { ...group, remaining: group.remaining - 1 });
  }

  #spill(): void {
    this.#table = new LinkTable(this.#scratch);
    for (const [inode, group] of this.#memory.groups()) this.#table.set(inode, group);
    this.#memory.clear();
  }
}

/**
 * Paths are kept as strings of their bytes: a Buffer costs four times the memory, and one that is cut from Buffer's
 * pool keeps all 64 KiB of it, with the paths of hundreds of files that have but one name.
 */
class MemoryGroups implements GroupStore {
  readonly #groups = new Map<bigint, Omit<LinkGroup, 'path'> & { path: string }>();

  get(inode: bigint): LinkGroup | undefined {
    const group = this.#groups.get(inode);
    return group && { ...group, path: Buffer.from(group.path, 'latin1') };
  }

  set(inode: bigint, group: LinkGroup): void {
    this.#groups.set(inode, { ...group, path: group.path.toString('latin1') });
  }

  delete(inode: bigint): void {
    this.#groups.delete(inode);
  }

  clear(): void {
    this.#groups.clear();
  }

  *groups(): Generator<[bigint, LinkGroup]> {
    for (const [inode, { path, ...rest }] of this.#groups) {
      yield [inode, { ...rest, path: Buffer.from(path, 'latin1') }];
    }
  }
}

function isOneFile(group: LinkGroup, entry: Seen): boolean {
  return group.mtime === entry.mtime && group.mtimeNsec === entry.mtimeNsec;
}
