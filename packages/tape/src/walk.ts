import type { SkipReason } from '@longshore/shared';
import { listDirectory } from './directory-listing.ts';
import { DirectoryStack } from './directory-stack.ts';
import type { Entry } from './entry.ts';
import { EntryReader } from './entry-reader.ts';
import type { Excluder } from './exclude.ts';
import type { LinkGroups } from './links.ts';
import type { Volume } from './volume.ts';

const SLASH = 0x2f;

export interface WalkOptions {
  exclude: Excluder;
  /** For a walk that goes on: has seen all entries up to `after`, in their order. */
  links: LinkGroups;
  /** The last entry that an earlier walk yielded; what comes behind it is yielded. */
  after?: Buffer;
}

export type WalkStep =
  /**
   * `unreadable`: a directory that can't be listed, so that what's in it is missing; or an entry that has
   * extended attributes which can't be read. Whether a file's content is readable shows when it's opened.
   */
  | { kind: 'entry'; entry: Entry; unreadable: boolean }
  | { kind: 'skipped'; path: Buffer; reason: SkipReason }
  /**
   * A directory that went away, or can't be entered any more, between two of its names, or a name that can't be
   * looked up: what comes next is the next greater sibling. In a walk that goes on it may also be `after` itself;
   * if that was no directory, nothing is lost with it but itself.
   */
  | { kind: 'lost'; path: Buffer };

/**
 * Everything on a volume, depth-first, a directory before its children, these in the bytewise order of their
 * names; the root (empty path) first. Symbolic links aren't followed and mounts below the root not entered. Names
 * that vanish while their directory is read are just not there. Leaves no descriptor open, wherever the caller
 * stops.
 *
 * Throws TapeError IO when the volume fails, UNSUPPORTED_ENTRY for a file of 2^53 bytes or more.
 */
export function* walk(volume: Volume, options: WalkOptions): Generator<WalkStep, void, void> {
  using stack = new DirectoryStack(volume);
  const reader = new EntryReader(volume, stack, options);
  const first = options.after === undefined ? reader.readRoot() : resume(volume, stack, options.after);
  if (first !== undefined) yield first;
  while (stack.depth > 0) {
    if (!stack.next()) {
      stack.leave();
      continue;
    }
    const directory = stack.descriptor();
    if (typeof directory !== 'number') {
      yield { kind: 'lost', path: stack.directoryPath() };
      stack.leave();
      continue;
    }
    const step = reader.read(directory);
    if (step !== undefined) yield step;
  }
}

/** Builds the stack that a walk had when it yielded `after`, or what's left of it. */
function resume(volume: Volume, stack: DirectoryStack, after: Buffer): WalkStep | undefined {
  const root = after.subarray(0, 0);
  if (!enter(volume, stack, root)) {
    volume.check({ expectEntries: false });
    return { kind: 'lost', path: root };
  }
  for (let start = 0; start < after.length; ) {
    const slash = after.indexOf(SLASH, start);
    const end = slash < 0 ? after.length : slash;
    const path = after.subarray(0, end);
    const there = stack.skipTo(after.subarray(start, end));
    if (!there) return { kind: 'lost', path };
    if (!enter(volume, stack, path) && end < after.length) return { kind: 'lost', path };
    start = end + 1;
  }
  return undefined;
}

function enter(volume: Volume, stack: DirectoryStack, path: Buffer): boolean {
  const listing = listDirectory(volume, path);
  if ('kind' in listing) return false;
  stack.enter(listing);
  return true;
}
