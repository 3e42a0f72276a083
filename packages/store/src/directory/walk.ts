import { isUtf8 } from 'node:buffer';
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { RESERVED } from '../key.ts';
import type { ObjectInfo } from '../store.ts';
import { ABSENT, unless } from './fault.ts';
import { etagOf, statFile } from './identity.ts';

/**
 * Every file below `root` whose key begins with `prefix`, in bytewise key order. Symbolic links to directories
 * aren't followed; names that aren't UTF-8 can't be keys and are left out; what is removed meanwhile is too.
 */
export async function* walkObjects(root: string, prefix: string): AsyncGenerator<ObjectInfo> {
  yield* walk(root, { folder: prefix.slice(0, prefix.lastIndexOf('/') + 1), prefix });
}

interface Place {
  /** The folder's key with a slash at its end, or `''`. */
  folder: string;
  prefix: string;
}

async function* walk(root: string, { folder, prefix }: Place): AsyncGenerator<ObjectInfo> {
  for (const name of await sortedNames(join(root, folder))) {
    const key = folder + name;
    if (!key.startsWith(prefix)) continue;
    if (!name.endsWith('/')) yield* objectAt(root, key);
    else if (!isReserved(key)) yield* walk(root, { folder: key, prefix });
  }
}

async function* objectAt(root: string, key: string): AsyncGenerator<ObjectInfo> {
  const file = await statFile(join(root, key));
  if (file) yield { key, bytes: Number(file.size), etag: etagOf(file) };
}

function isReserved(folder: string): boolean {
  return RESERVED.some((place) => folder === `${place}/`);
}

/** Folders' names get a slash, because that is how they take part in the order of keys: `a.b` is before `a/b`. */
async function sortedNames(folder: string): Promise<string[]> {
  const entries = await unless<Dirent<Buffer>[]>(
    ABSENT,
    () => readdir(folder, { withFileTypes: true, encoding: 'buffer' }),
    [],
  );
  return entries
    .filter((entry) => isUtf8(entry.name))
    .map((entry) => (entry.isDirectory() ? Buffer.concat([entry.name, Buffer.from('/')]) : entry.name))
    .sort(Buffer.compare)
    .map(String);
}
