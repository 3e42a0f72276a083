import { link, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { checkBody } from '../body.ts';
import { StoreError } from '../error.ts';
import { checkKey, checkPartNumber, checkPrefix } from '../key.ts';
import { checkLinkExpiry } from '../link-expiry.ts';
import { ObjectStream } from '../object-stream.ts';
import { probeStore } from '../probe.ts';
import type {
  Body,
  Link,
  LinkOptions,
  ObjectInfo,
  Part,
  PartDraft,
  RequestOptions,
  Store,
  Upload,
} from '../store.ts';
import { assembleFolder, completeFolder } from './completion.ts';
import { ABSENT, directoryFault, errnoOf, unless } from './fault.ts';
import { inFolder, removeEmptyFolders, syncFolder } from './folders.ts';
import { etagOf, statFile } from './identity.ts';
import { readRange } from './read-range.ts';
import { scratchFolder, scratchPath, sweepScratch, tidyScratch, writeNew } from './scratch.ts';
import {
  createUploadFolder,
  discardUploadFolder,
  draftIn,
  findUploads,
  heldParts,
  openUploadFolder,
  whileOpen,
  writePart,
} from './upload-folder.ts';
import { walkObjects } from './walk.ts';

/** What a file system says that has no hard links (exFAT, some FUSE). */
const NO_LINKS: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** An export's work area has tens of thousands of objects, and the event loop's pool works on a few at once. */
const DELETED_AT_A_TIME = 16;

/**
 * An object in `.longshore` keeps that folder there anyway: until it's deleted, the scratch folder may stay too.
 * Making and removing that for every small object of a work area takes as long as writing the object.
 */
const isBesideScratch = (key: string) => key.startsWith('.longshore/');

/**
 * Objects are the files of a directory, under their keys. Only whole objects ever have their names: what's
 * being written is in `.longshore/tmp` and `.longshore/uploads`, which are there only while they're needed, or
 * while other objects are in `.longshore`; folders that become empty are removed. Any number of processes may use one directory, over a network file
 * system too, as long as it has hard links and stable inode numbers (sshfs has not).
 */
export class DirectoryStore implements Store {
  readonly uri: string;
  readonly payloadHash = 'none';
  readonly maxObjectBytes = Number.MAX_SAFE_INTEGER;
  readonly #root: string;
  readonly #inode: bigint;

  private constructor(uri: string, { root, inode }: { root: string; inode: bigint }) {
    this.uri = uri;
    this.#root = root;
    this.#inode = inode;
  }

  /** Makes the directory where its parent exists. Rejects with BAD_DESTINATION or ACCESS_DENIED. */
  static async open(path: string): Promise<DirectoryStore> {
    const root = resolve(path);
    try {
      await makeRoot(root);
      await sweepScratch(root);
      const { ino: inode } = await stat(root, { bigint: true });
      return new DirectoryStore(path, { root, inode });
    } catch (error) {
      throw directoryFault(error, { action: `use the directory ${root}` });
    }
  }

  probe(options?: RequestOptions): Promise<void> {
    return probeStore(this, options);
  }

  head(key: string, options?: RequestOptions): Promise<ObjectInfo | undefined> {
    return this.#call('look up', key, options, async () => {
      const file = await statFile(this.#path(key));
      return file && { key, bytes: Number(file.size), etag: etagOf(file) };
    });
  }

  get(key: string, options?: Parameters<Store['get']>[1]): Promise<Readable> {
    return this.#call('read', key, options, async () => {
      const handle = await unless(ABSENT, () => open(this.#path(key), 'r'), undefined);
      if (!handle) throw this.#notFound(key);
      if (!(await handle.stat()).isFile()) {
        await handle.close();
        throw this.#notFound(key);
      }
      const { start, end } = options?.range ?? { start: 0, end: Number.POSITIVE_INFINITY };
      if (end <= start) {
        await handle.close();
        return Readable.from([]);
      }
      const source = readRange(handle, { start, end, signal: options?.signal });
      return new ObjectStream(source, (error) =>
        Promise.reject(directoryFault(error, { action: `read ${this.#path(key)}`, ...options })),
      );
    });
  }

  link(key: string, options: LinkOptions): Promise<Link | undefined> {
    return this.#call('link to', key, options, async () => {
      checkLinkExpiry(options);
      return undefined;
    });
  }

  put(key: string, body: Body, options?: Parameters<Store['put']>[2]): Promise<ObjectInfo> {
    return this.#call('write', key, options, async () => {
      checkBody(body);
      const scratch = scratchPath(this.#root);
      let keepsScratch = false;
      try {
        await inFolder(this.#root, scratchFolder(this.#root), () => writeNew(scratch, body, options));
        const file = await stat(scratch, { bigint: true });
        await this.#publish(scratch, this.#path(key), options?.ifAbsent ? link : rename);
        keepsScratch = isBesideScratch(key);
        return { key, bytes: body.bytes, etag: etagOf(file) };
      } finally {
        await rm(scratch, { force: true });
        if (!keepsScratch) await tidyScratch(this.#root);
      }
    });
  }

  async #publish(scratch: string, path: string, act: typeof link | typeof rename): Promise<void> {
    try {
      await inFolder(this.#root, dirname(path), () => act(scratch, path));
    } catch (cause) {
      await removeEmptyFolders(this.#root, dirname(path));
      if (act !== link || !NO_LINKS.has(errnoOf(cause) ?? '')) throw cause;
      const message = `${this.#root} is on a file system without hard links, which Longshore needs to publish an object without overwriting another; use a different one`;
      throw new StoreError('REFUSED', message, { cause });
    }
    await syncFolder(dirname(path));
  }

  async delete(keys: readonly string[], options?: RequestOptions): Promise<void> {
    for (const key of keys) checkKey(key);
    for (let at = 0; at < keys.length; at += DELETED_AT_A_TIME) {
      const batch = keys.slice(at, at + DELETED_AT_A_TIME);
      await Promise.all(batch.map((key) => this.#delete(key, options)));
    }
    // Once for a folder, and not for each of its thousands of files.
    const lastIn = new Map(keys.map((key) => [dirname(key), key]));
    for (const key of lastIn.values()) await this.#tidyFolderOf(key, options);
    const [key] = keys;
    if (key !== undefined) await this.#call('delete', key, options, () => tidyScratch(this.#root));
  }

  #delete(key: string, options?: RequestOptions): Promise<void> {
    return this.#call('delete', key, options, async () => {
      await unless(ABSENT, () => unlink(this.#path(key)), undefined);
    });
  }

  #tidyFolderOf(key: string, options?: RequestOptions): Promise<void> {
    return this.#call('delete', key, options, async () => {
      await unless(ABSENT, () => removeEmptyFolders(this.#root, dirname(this.#path(key))), undefined);
    });
  }

  async *list(prefix: string, options?: RequestOptions): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    yield* this.#guard('list', prefix, walkObjects(this.#root, prefix), options);
  }

  createUpload(key: string, options?: Parameters<Store['createUpload']>[1]): Promise<Upload> {
    const { contentType, metadata } = options ?? {};
    return this.#call('begin an upload of', key, options, () =>
      createUploadFolder(this.#root, { key, contentType, metadata }),
    );
  }

  async *listUploads(key: string, options?: RequestOptions): AsyncGenerator<Upload> {
    checkKey(key);
    yield* this.#guard('list uploads of', key, findUploads(this.#root, key), options);
  }

  draftPart(upload: Upload, options?: RequestOptions): Promise<PartDraft> {
    const verb = 'write a part of';
    return this.#call(verb, upload.key, options, async () =>
      draftIn(await openUploadFolder(this.#root, upload), `${verb} ${this.#path(upload.key)}`),
    );
  }

  putPart(upload: Upload, number: number, body: Body, options?: RequestOptions): Promise<Part> {
    return this.#call(`write part ${number} of`, upload.key, options, async () => {
      checkPartNumber(number);
      return writePart(await openUploadFolder(this.#root, upload), number, body, options);
    });
  }

  async *listParts(upload: Upload, options?: RequestOptions): AsyncGenerator<Part> {
    const held = await this.#call('list parts of', upload.key, options, async () => {
      const folder = await openUploadFolder(this.#root, upload);
      return heldParts(folder);
    });
    yield* held.values();
  }

  prepareCompletion(upload: Upload, parts: readonly Part[], options?: RequestOptions): Promise<void> {
    return this.#call('put together the upload of', upload.key, options, async () => {
      const folder = await openUploadFolder(this.#root, upload);
      await whileOpen(folder, () => assembleFolder({ folder, parts, signal: options?.signal }));
    });
  }

  completeUpload(upload: Upload, parts: readonly Part[], options?: RequestOptions): Promise<ObjectInfo> {
    return this.#call('complete the upload of', upload.key, options, async () => {
      const folder = await openUploadFolder(this.#root, upload);
      return whileOpen(folder, () => completeFolder({ folder, parts, signal: options?.signal }));
    });
  }

  abortUpload(upload: Upload, options?: RequestOptions): Promise<void> {
    return this.#call('abort the upload of', upload.key, options, () =>
      discardUploadFolder(this.#root, upload.id),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Every file is closed by the call that opened it.
  }

  #path(key: string): string {
    return join(this.#root, key);
  }

  #notFound(key: string): StoreError {
    return new StoreError('NOT_FOUND', `can't read ${this.#path(key)}: there is no such object`);
  }

  /** Below a file system that was unmounted is an empty directory: nothing may be missed or written there. */
  async #expectRoot(): Promise<void> {
    const seen = await unless(ABSENT, () => stat(this.#root, { bigint: true }), undefined);
    if (seen?.ino === this.#inode) return;
    const message = `the directory ${this.#root} is gone, or another is in its place; check that its file system is mounted`;
    throw new StoreError('UNREACHABLE', message);
  }

  async #call<T>(
    verb: string,
    key: string,
    options: RequestOptions | undefined,
    act: () => Promise<T>,
  ): Promise<T> {
    const attempt = { action: `${verb} ${this.#path(key)}`, signal: options?.signal };
    try {
      checkKey(key);
      options?.signal?.throwIfAborted();
      await this.#expectRoot();
      return await act();
    } catch (error) {
      throw directoryFault(error, attempt);
    }
  }

  async *#guard<T>(
    verb: string,
    key: string,
    items: AsyncIterable<T>,
    options?: RequestOptions,
  ): AsyncGenerator<T> {
    try {
      await this.#expectRoot();
      for await (const item of items) {
        options?.signal?.throwIfAborted();
        yield item;
      }
    } catch (error) {
      throw directoryFault(error, { action: `${verb} ${this.#path(key)}`, signal: options?.signal });
    }
  }
}

async function makeRoot(root: string): Promise<void> {
  try {
    await mkdir(root);
  } catch (cause) {
    const errno = errnoOf(cause);
    const there = errno === 'EEXIST' ? await unless(ABSENT, () => stat(root), undefined) : undefined;
    if (there?.isDirectory()) return;
    const complaint = {
      EEXIST: there ? 'it is a file' : "it is a link to something that doesn't exist",
      ENOTDIR: 'a file is in its path',
      ENOENT: `${dirname(root)} doesn't exist; create it first`,
    }[errno ?? ''];
    if (complaint === undefined) throw cause;
    throw new StoreError('BAD_DESTINATION', `the directory ${root} can't be used: ${complaint}`, { cause });
  }
}
