import { crc32Zeros, TRAILER_BYTES } from '@longshore/tape';
import { checkIndex } from '../archive/check-index.ts';
import { type OpenOptions, PublishedArchive } from '../archive/published-archive.ts';
import type { OnPosition } from '../archive/tape-position.ts';
import { inOrder } from '../threads/in-order.ts';
import { openTarget } from './open-target.ts';
import type { Trouble } from './protocol.ts';
import { Restore } from './restore.ts';
import { TapeExtraction } from './tape-extraction.ts';
import { tapeTasks } from './tape-tasks.ts';

export interface RestoreOptions extends OpenOptions {
  threads: number;
  /** Whether entries get their owners: only root can give files away. */
  owners: boolean;
  onPosition?: OnPosition;
  signal?: AbortSignal;
}

type WithPath<T> = T extends unknown ? Omit<T, 'id'> & { path: Buffer } : never;

/** An entry that isn't as it was archived, and how. */
export type RestoreTrouble = WithPath<Trouble>;

export interface Restored {
  /** Every byte of the archive's tape was read, and is what was written. */
  whole: boolean;
  entries: number;
  /** Of contents. */
  bytes: number;
  troubles: RestoreTrouble[];
  /** Recorded when the archive was made: files that changed then, and names that are not in it. */
  recorded: { drift: number; lost: number };
}

/**
 * Makes what an archive holds in `directory`, which is empty or isn't there yet: first the directories, then what is
 * in them on as many threads as asked for, then hard links, and last what the directories' own attributes are. What
 * is damaged is restored as far as it can be read, and named. Rejects with BAD_TARGET, UNSAFE_ARCHIVE (before
 * anything is made), IO, and as `PublishedArchive.open`.
 */
export async function restoreArchive(
  archive: string,
  directory: string,
  options: RestoreOptions,
): Promise<Restored> {
  await using published = await PublishedArchive.open(archive, options);
  checkIndex(published);
  using root = openTarget(directory);
  using restore = new Restore(published, { ...options, root });
  // Its threads start while directories are made.
  await using extraction = new TapeExtraction(published, { ...options, root, restore });
  await restore.makeDirectories();
  const { tape } = published.manifest;
  const tasks = tapeTasks(published.index, tape.bytes - TRAILER_BYTES);
  const work = extraction.run.bind(extraction);
  options.onPosition?.({ at: 0, tapeBytes: tape.bytes });
  for await (const done of inOrder(tasks, { depth: 2 * options.threads, work })) {
    extraction.add(done);
    options.onPosition?.({ at: done.task.range.end, tapeBytes: tape.bytes });
  }
  options.onPosition?.({ at: tape.bytes, tapeBytes: tape.bytes });
  await restore.makeHardLinks();
  await restore.finishDirectories();
  const tapeCrc32 = crc32Zeros(extraction.tapeCrc32, TRAILER_BYTES);
  return resultOf(published, { restore, whole: tapeCrc32 === Number.parseInt(tape.crc32, 16) });
}

function resultOf(
  { manifest, index }: PublishedArchive,
  { restore, whole }: { restore: Restore; whole: boolean },
): Restored {
  const { entries, drift, skipped } = manifest;
  const troubles = restore.troubles.list.map(({ id, ...trouble }) => ({
    ...trouble,
    path: index.pathOf(id),
  }));
  return {
    whole,
    entries: entries.count,
    bytes: entries.bytes,
    troubles,
    recorded: { drift: drift.count, lost: skipped.lost },
  };
}
