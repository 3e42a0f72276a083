import { createWriteStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { openStore, type Store } from '@longshore/store';
import { RestoreError } from '../error.ts';

/** Where an archive is read from, and what was published beside it. */
export interface Place extends AsyncDisposable {
  /** Size of an object, or undefined where there is none. */
  bytes(name: string): Promise<number | undefined>;
  /**
   * Fills `target` with the object's bytes from `start` on; answers how many there are, fewer than it holds where the
   * object ends before. Rejects with IO.
   */
  read(name: string, start: number, target: Uint8Array): Promise<number>;
  /** A local file with the object's bytes; one that has to be made is made in `folder`. */
  file(name: string, folder: string): Promise<string>;
}

/** Opens a directory or `s3://bucket/prefix`, to read only: a directory that isn't there isn't made. */
export async function openPlace(uri: string): Promise<Place> {
  if (uri.startsWith('file://')) return new Directory(fileURLToPath(uri));
  return uri.includes('://') ? new Bucket(await openStore(uri)) : new Directory(uri);
}

class Directory implements Place {
  readonly #path: string;
  readonly #open = new Map<string, Promise<FileHandle>>();

  constructor(path: string) {
    this.#path = path;
  }

  async bytes(name: string): Promise<number | undefined> {
    try {
      const found = await stat(join(this.#path, name));
      return found.isFile() ? found.size : undefined;
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw unreadable(name, error);
    }
  }

  async read(name: string, start: number, target: Uint8Array): Promise<number> {
    try {
      const handle = await this.#handle(name);
      for (let at = 0; ; ) {
        const { bytesRead } = await handle.read(target, at, target.length - at, start + at);
        at += bytesRead;
        if (bytesRead === 0 || at === target.length) return at;
      }
    } catch (error) {
      throw unreadable(name, error);
    }
  }

  async file(name: string): Promise<string> {
    return join(this.#path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handle of this.#open.values())
      await handle.then(
        (opened) => opened.close(),
        () => undefined,
      );
  }

  #handle(name: string): Promise<FileHandle> {
    const handle = this.#open.get(name) ?? open(join(this.#path, name), 'r');
    this.#open.set(name, handle);
    return handle;
  }
}

class Bucket implements Place {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async bytes(name: string): Promise<number | undefined> {
    return (await this.#store.head(name))?.bytes;
  }

  async read(name: string, start: number, target: Uint8Array): Promise<number> {
    let at = 0;
    for await (const chunk of await this.#store.get(name, { range: { start, end: start + target.length } })) {
      target.set(chunk, at);
      at += chunk.length;
    }
    return at;
  }

  async file(name: string, folder: string): Promise<string> {
    const path = join(folder, 'index.sqlite');
    await pipeline(await this.#store.get(name), createWriteStream(path));
    return path;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#store[Symbol.asyncDispose]() as Promise<void>;
  }
}

const errnoOf = (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : '');
const isAbsent = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes(errnoOf(error));

function unreadable(name: string, cause: unknown): RestoreError {
  const why = errnoOf(cause) || String(cause);
  return new RestoreError('IO', `${name} can't be read (${why}): see to its disk or its permissions.`, {
    cause,
  });
}
