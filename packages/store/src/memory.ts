import { Readable } from 'node:stream';
import { checkBody, chunksOf } from './body.ts';
import { StoreError } from './error.ts';
import { checkKey, checkPartNumber, checkPrefix, compareKeys } from './key.ts';
import { checkLinkExpiry } from './link-expiry.ts';
import { checkPartList } from './part-list.ts';
import { probeStore } from './probe.ts';
import type { Body, Link, LinkOptions, ObjectInfo, Part, RequestOptions, Store, Upload } from './store.ts';

interface Held {
  data: Buffer;
  etag: string;
}

interface OpenUpload {
  key: string;
  parts: Map<number, Held>;
}

/** Objects in this process's memory, with every rule of the other stores: for tests and for trying things out. */
export class MemoryStore implements Store {
  readonly uri: string;
  readonly payloadHash = 'none';
  readonly maxObjectBytes = Number.MAX_SAFE_INTEGER;
  readonly #objects = new Map<string, Held>();
  readonly #uploads = new Map<string, OpenUpload>();
  #writes = 0;

  constructor(uri = 'memory:') {
    this.uri = uri;
  }

  probe(options?: RequestOptions): Promise<void> {
    return probeStore(this, options);
  }

  async head(key: string, options?: RequestOptions): Promise<ObjectInfo | undefined> {
    begin(options, key);
    const held = this.#objects.get(key);
    return held && infoOf(key, held);
  }

  async get(key: string, options?: Parameters<Store['get']>[1]): Promise<Readable> {
    begin(options, key);
    const held = this.#objects.get(key);
    if (!held) throw new StoreError('NOT_FOUND', `there is no object "${key}" in ${this.uri}`);
    const { start, end } = options?.range ?? { start: 0, end: held.data.byteLength };
    return Readable.from([held.data.subarray(start, end)], { objectMode: false });
  }

  async link(key: string, options: LinkOptions): Promise<Link | undefined> {
    begin(options, key);
    checkLinkExpiry(options);
    return undefined;
  }

  async put(key: string, body: Body, options?: Parameters<Store['put']>[2]): Promise<ObjectInfo> {
    begin(options, key);
    const held = await this.#hold(body, options);
    if (options?.ifAbsent) this.#expectAbsent(key);
    this.#objects.set(key, held);
    return infoOf(key, held);
  }

  async delete(keys: readonly string[], options?: RequestOptions): Promise<void> {
    for (const key of keys) {
      begin(options, key);
      this.#objects.delete(key);
    }
  }

  async *list(prefix: string, options?: RequestOptions): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix));
    for (const key of keys.sort(compareKeys)) {
      begin(options, key);
      const held = this.#objects.get(key);
      if (held) yield infoOf(key, held);
    }
  }

  async createUpload(key: string, options?: RequestOptions): Promise<Upload> {
    begin(options, key);
    const id = `upload-${++this.#writes}`;
    this.#uploads.set(id, { key, parts: new Map() });
    return { key, id };
  }

  async *listUploads(key: string, options?: RequestOptions): AsyncGenerator<Upload> {
    begin(options, key);
    for (const [id, upload] of this.#uploads) if (upload.key === key) yield { key, id };
  }

  async putPart(upload: Upload, number: number, body: Body, options?: RequestOptions): Promise<Part> {
    begin(options, upload.key);
    checkPartNumber(number);
    this.#open(upload);
    const held = await this.#hold(body, options);
    this.#open(upload).parts.set(number, held);
    return partOf(number, held);
  }

  async *listParts(upload: Upload, options?: RequestOptions): AsyncGenerator<Part> {
    begin(options, upload.key);
    yield* heldParts(this.#open(upload)).values();
  }

  async completeUpload(
    upload: Upload,
    parts: readonly Part[],
    options?: RequestOptions,
  ): Promise<ObjectInfo> {
    begin(options, upload.key);
    const open = this.#open(upload);
    checkPartList(upload, parts, heldParts(open));
    this.#expectAbsent(upload.key);
    const data = Buffer.concat(parts.map(({ number }) => open.parts.get(number)!.data));
    const held = { data, etag: this.#nextEtag() };
    this.#objects.set(upload.key, held);
    this.#uploads.delete(upload.id);
    return infoOf(upload.key, held);
  }

  async abortUpload(upload: Upload, options?: RequestOptions): Promise<void> {
    begin(options, upload.key);
    if (this.#uploads.get(upload.id)?.key === upload.key) this.#uploads.delete(upload.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#objects.clear();
    this.#uploads.clear();
  }

  #open(upload: Upload): OpenUpload {
    const open = this.#uploads.get(upload.id);
    if (open?.key === upload.key) return open;
    throw new StoreError(
      'NO_SUCH_UPLOAD',
      `there is no open upload ${upload.id} of "${upload.key}" in ${this.uri}`,
    );
  }

  #expectAbsent(key: string): void {
    if (this.#objects.has(key))
      throw new StoreError('ALREADY_EXISTS', `there is an object "${key}" in ${this.uri} already`);
  }

  async #hold(body: Body, options: RequestOptions | undefined): Promise<Held> {
    checkBody(body);
    const chunks: Uint8Array[] = [];
    for await (const chunk of chunksOf(body)) chunks.push(chunk);
    expectWanted(options);
    return { data: Buffer.concat(chunks), etag: this.#nextEtag() };
  }

  #nextEtag(): string {
    return `write-${++this.#writes}`;
  }
}

function begin(options: RequestOptions | undefined, key: string): void {
  checkKey(key);
  expectWanted(options);
}

function expectWanted(options: RequestOptions | undefined): void {
  if (options?.signal?.aborted)
    throw new StoreError('ABORTED', 'the caller gave up', { cause: options.signal.reason });
}

function infoOf(key: string, { data, etag }: Held): ObjectInfo {
  return { key, bytes: data.byteLength, etag };
}

function partOf(number: number, { data, etag }: Held): Part {
  return { number, bytes: data.byteLength, etag };
}

function heldParts(upload: OpenUpload): Map<number, Part> {
  const numbers = [...upload.parts.keys()].sort((a, b) => a - b);
  return new Map(numbers.map((number) => [number, partOf(number, upload.parts.get(number)!)]));
}
