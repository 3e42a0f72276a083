import { setImmediate as nextTurn } from 'node:timers/promises';
import type { IndexReader } from '@longshore/tape';
import { ProducerError } from '../../error.ts';
import { entryAt } from '../file-content.ts';

/** Entries that are counted before other work has its turn: a few milliseconds. */
const COUNTED_AT_ONCE = 1_000;

/**
 * The chosen paths in the tape's order, without those that lie in others of them. NO_SUCH_ENTRY names the first that
 * the archive hasn't.
 */
export function selectedPaths(index: IndexReader, paths: readonly Buffer[]): Buffer[] {
  const chosen = new Map(
    paths.map((path) => [path.toString('latin1'), { path, id: entryAt(index, path).id }]),
  );
  return [...chosen]
    .filter(([text]) => !foldersOf(text).some((folder) => chosen.has(folder)))
    .map(([, selected]) => selected)
    .sort((a, b) => a.id - b.id)
    .map(({ path }) => path);
}

/** Every folder that a path is in, the root included. */
function foldersOf(path: string): string[] {
  if (path === '') return [];
  const names = path.split('/');
  return names.map((_, depth) => names.slice(0, depth).join('/'));
}

/** SELECTION_TOO_LARGE where it has more entries than `most`. */
export async function expectAtMost(
  most: number,
  { index, paths, signal }: { index: IndexReader; paths: readonly Buffer[]; signal: AbortSignal },
): Promise<void> {
  let count = 0;
  for (const path of paths)
    for (const _ of index.subtree(path)) {
      count += 1;
      if (count > most) throw tooLarge(most);
      if (count % COUNTED_AT_ONCE === 0) await nextTurn(undefined, { signal });
    }
}

function tooLarge(most: number): ProducerError {
  const message = `A zip takes ${most} entries at most, for its list of them is kept in memory: take tar, or fewer.`;
  return new ProducerError('SELECTION_TOO_LARGE', message);
}
