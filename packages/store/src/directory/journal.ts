import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreError } from '../error.ts';
import type { Part } from '../store.ts';
import { ABSENT, unless } from './fault.ts';
import { syncFolder } from './folders.ts';

/**
 * What a completion is making its object of, in `journal.json` of the upload's folder: a part that's listed
 * there and has no file in `sealed` is in the assembly, at the offset that follows from the list.
 */
interface Journal {
  version: 1;
  parts: readonly Part[];
}

/** The journaled parts; none where no completion has begun. */
export async function readJournal(folder: string): Promise<readonly Part[]> {
  const text = await unless(ABSENT, () => readFile(join(folder, 'journal.json'), 'utf8'), undefined);
  if (text === undefined) return [];
  const journal: unknown = JSON.parse(text);
  if (isJournal(journal)) return journal.parts;
  throw new StoreError(
    'REFUSED',
    `${folder}/journal.json is of another version of Longshore; abort the upload`,
  );
}

function isJournal(value: unknown): value is Journal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === 1 &&
    'parts' in value &&
    Array.isArray(value.parts)
  );
}

/** Replaces the journal, durably: from here on parts may move into the assembly. */
export async function writeJournal(folder: string, parts: readonly Part[]): Promise<void> {
  const scratch = join(folder, 'journal.new');
  const entries = parts.map(({ number, bytes, etag }) => ({ number, bytes, etag }));
  await using handle = await open(scratch, 'w');
  await handle.writeFile(JSON.stringify({ version: 1, parts: entries } satisfies Journal));
  await handle.sync();
  await rename(scratch, join(folder, 'journal.json'));
  await syncFolder(folder);
}
