import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { StoreError } from '../error.ts';
import { checkKey, checkPartNumber, checkPrefix } from '../key.ts';
import { checkLinkExpiry } from '../link-expiry.ts';
import { ObjectStream, type Recover } from '../object-stream.ts';
import { totalBytes } from '../part-list.ts';
import { probeStore } from '../probe.ts';
import { withRetries } from '../retry.ts';
import type {
  Body,
  HeadOptions,
  Link,
  LinkOptions,
  ObjectInfo,
  Part,
  RequestOptions,
  Store,
  Upload,
} from '../store.ts';
import { formatS3Address, parseS3Address, type S3Address } from './address.ts';
import { completeIfAbsent } from './completion.ts';
import { connect, type Manner, type S3Connection, type S3Settings } from './connection.ts';
import { deleteObjects } from './deletion.ts';
import { s3Fault } from './fault.ts';
import { signLink } from './link.ts';
import { bareEtag, listObjects, listUploadIds, listUploadParts } from './listing.ts';
import { sendPayload } from './payload.ts';
import { openRange } from './reading.ts';

interface Sending {
  abortSignal?: AbortSignal;
}

type Sender<T> = (client: S3Client, sending: Sending) => Promise<T>;

/**
 * Objects in a bucket, below a prefix. Nothing else appears there: no markers, no temporary objects; an upload
 * that isn't completed exists only in the bucket's list of multipart uploads. Every call sends its requests
 * once; `RetryingStore` repeats calls.
 */
export class S3Store implements Store {
  readonly uri: string;
  readonly #address: S3Address;
  readonly #connection: S3Connection;
  readonly #manner: Manner;

  private constructor(address: S3Address, connection: S3Connection, manner: Manner) {
    this.uri = formatS3Address(address);
    this.#address = address;
    this.#connection = connection;
    this.#manner = manner;
  }

  get maxObjectBytes(): number {
    return this.#connection.maxObjectBytes;
  }

  get payloadHash(): 'sha256' | 'none' {
    return this.#connection.signsPayloads ? 'sha256' : 'none';
  }

  /** Connects to nothing yet. Rejects with BAD_DESTINATION when the address makes no sense. */
  static async open(uri: string, settings: S3Settings = {}): Promise<S3Store> {
    return new S3Store(parseS3Address(uri), await connect(settings), 'usual');
  }

  probe(options?: RequestOptions): Promise<void> {
    return probeStore(new S3Store(this.#address, this.#connection, 'probe'), options);
  }

  async head(key: string, options?: HeadOptions): Promise<ObjectInfo | undefined> {
    checkKey(key);
    try {
      return await this.#call(`look up ${this.#place(key)}`, options, async (client, sending) => {
        const ChecksumMode = options?.checksum && 'ENABLED';
        const answer = await client.send(
          new HeadObjectCommand({ ...this.#target(key), ChecksumMode }),
          sending,
        );
        const info = { key, bytes: answer.ContentLength ?? 0, etag: bareEtag(answer.ETag) };
        const crc64nvme = answer.ChecksumCRC64NVME;
        return crc64nvme === undefined ? info : { ...info, crc64nvme };
      });
    } catch (error) {
      if (error instanceof StoreError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  async get(key: string, options?: Parameters<Store['get']>[1]): Promise<Readable> {
    checkKey(key);
    const { start, end } = options?.range ?? { start: 0, end: undefined };
    if (end !== undefined && end <= start) return this.#getNothing(key, options);
    const open = (from: number, etag?: string) =>
      this.#call(`read ${this.#place(key)}`, options, (client) =>
        openRange(client, { ...this.#listing(options), key: this.#fullKey(key), start: from, end, etag }),
      );
    const { source, etag } = await open(start);
    return new ObjectStream(
      source,
      this.#reopening(key, (delivered) => open(start + delivered, etag), options),
    );
  }

  /** HTTP can't ask for an empty range; that the object exists is still checked. */
  async #getNothing(key: string, options?: RequestOptions): Promise<Readable> {
    if (await this.head(key, options)) return Readable.from([]);
    throw new StoreError('NOT_FOUND', `can't read ${this.#place(key)}: there is no such object`);
  }

  /** Goes on where a connection broke off, unless it broke off at the very same byte before. */
  #reopening(
    key: string,
    open: (delivered: number) => Promise<{ source: Readable }>,
    options: RequestOptions | undefined,
  ): Recover {
    let brokeAt = -1;
    return async (error, delivered) => {
      const fault = s3Fault(error, { action: `read ${this.#place(key)}`, signal: options?.signal });
      if (fault.code !== 'UNREACHABLE' || delivered === brokeAt) throw fault;
      brokeAt = delivered;
      const { source } = await withRetries(() => open(delivered), { signal: options?.signal });
      return source;
    };
  }

  async link(key: string, options: LinkOptions): Promise<Link> {
    checkKey(key);
    checkLinkExpiry(options);
    return this.#call(`sign a link to ${this.#place(key)}`, options, () => {
      options.signal?.throwIfAborted();
      return signLink(this.#connection.links, this.#target(key), options);
    });
  }

  async put(key: string, body: Body, options?: Parameters<Store['put']>[2]): Promise<ObjectInfo> {
    checkKey(key);
    const condition = { ContentType: options?.contentType, IfNoneMatch: options?.ifAbsent ? '*' : undefined };
    const target = { ...this.#target(key), ...condition };
    const etag = await this.#call(`write ${this.#place(key)}`, options, (client) =>
      sendPayload(body, {
        signal: options?.signal,
        send: (payload, sending) => client.send(new PutObjectCommand({ ...target, ...payload }), sending),
        ask: async () => {
          if ((await this.head(key, options)) && options?.ifAbsent)
            throw this.#alreadyExists(`write ${this.#place(key)}`);
        },
      }),
    );
    return { key, bytes: body.bytes, etag };
  }

  async delete(keys: readonly string[], options?: RequestOptions): Promise<void> {
    for (const key of keys) checkKey(key);
    const place = keys.length === 1 ? this.#place(keys[0]) : `${keys.length} objects of ${this.#place('')}`;
    const fullKeys = keys.map((key) => this.#fullKey(key));
    await this.#call(`delete ${place}`, options, (client) =>
      deleteObjects(fullKeys, { client, bucket: this.#address.bucket, signal: options?.signal }),
    );
  }

  async *list(prefix: string, options?: RequestOptions): AsyncGenerator<ObjectInfo> {
    checkPrefix(prefix);
    const skip = this.#fullKey('').length;
    const objects = listObjects(this.#fullKey(prefix), this.#listing(options));
    for await (const object of this.#guard(`list ${this.#place(prefix)}`, objects, options)) {
      yield { ...object, key: object.key.slice(skip) };
    }
  }

  async createUpload(key: string, options?: Parameters<Store['createUpload']>[1]): Promise<Upload> {
    checkKey(key);
    const command = new CreateMultipartUploadCommand({
      ...this.#target(key),
      ContentType: options?.contentType,
      Metadata: options?.metadata,
    });
    return this.#call(`begin an upload of ${this.#place(key)}`, options, async (client, sending) => {
      const { UploadId } = await client.send(command, sending);
      if (!UploadId) throw new Error('the server gave no upload id');
      return { key, id: UploadId };
    });
  }

  async *listUploads(key: string, options?: RequestOptions): AsyncGenerator<Upload> {
    checkKey(key);
    const ids = listUploadIds(this.#fullKey(key), this.#listing(options));
    for await (const id of this.#guard(`list uploads of ${this.#place(key)}`, ids, options))
      yield { key, id };
  }

  async putPart(upload: Upload, number: number, body: Body, options?: RequestOptions): Promise<Part> {
    checkKey(upload.key);
    checkPartNumber(number);
    const target = { ...this.#target(upload.key), UploadId: upload.id, PartNumber: number };
    const etag = await this.#call(`write part ${number} of ${this.#place(upload.key)}`, options, (client) =>
      sendPayload(body, {
        signal: options?.signal,
        send: (payload, sending) => client.send(new UploadPartCommand({ ...target, ...payload }), sending),
        ask: () => this.#expectUpload(upload, options),
      }),
    );
    return { number, bytes: body.bytes, etag };
  }

  async *listParts(upload: Upload, options?: RequestOptions): AsyncGenerator<Part> {
    checkKey(upload.key);
    const parts = listUploadParts(this.#full(upload), this.#listing(options));
    yield* this.#guard(`list parts of ${this.#place(upload.key)}`, parts, options);
  }

  /** Looks for an object first as well: not every server heeds the condition on completion. */
  async completeUpload(
    upload: Upload,
    parts: readonly Part[],
    options?: RequestOptions,
  ): Promise<ObjectInfo> {
    checkKey(upload.key);
    const { key } = upload;
    const bytes = totalBytes(parts);
    const action = `complete the upload of ${this.#place(key)}`;
    if (parts.length === 0) throw new StoreError('REFUSED', `can't ${action}: no parts were named`);
    if (await this.head(key, options)) {
      await this.#expectUpload(upload, options);
      throw this.#alreadyExists(action);
    }
    return this.#call(action, options, async () => {
      const client = this.#connection[this.#manner === 'probe' ? 'probe' : 'completion'];
      const completion = { client, bucket: this.#address.bucket, upload: this.#full(upload), parts };
      return { key, bytes, etag: await completeIfAbsent({ ...completion, signal: options?.signal }) };
    });
  }

  /** Rejects with NO_SUCH_UPLOAD. */
  async #expectUpload(upload: Upload, options?: RequestOptions): Promise<void> {
    for await (const _part of this.listParts(upload, options)) return;
  }

  async abortUpload(upload: Upload, options?: RequestOptions): Promise<void> {
    checkKey(upload.key);
    const command = new AbortMultipartUploadCommand({ ...this.#target(upload.key), UploadId: upload.id });
    try {
      await this.#call(`abort the upload of ${this.#place(upload.key)}`, options, (client, sending) =>
        client.send(command, sending),
      );
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'NO_SUCH_UPLOAD')) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
  }

  #fullKey(key: string): string {
    return this.#address.prefix === '' ? key : `${this.#address.prefix}/${key}`;
  }

  #full({ key, id }: Upload): Upload {
    return { key: this.#fullKey(key), id };
  }

  #target(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#address.bucket, Key: this.#fullKey(key) };
  }

  #listing(options: RequestOptions | undefined) {
    return { client: this.#connection[this.#manner], bucket: this.#address.bucket, signal: options?.signal };
  }

  #place(key: string): string {
    return `${this.uri}/${key} at ${this.#connection.endpoint}`;
  }

  #alreadyExists(action: string): StoreError {
    return new StoreError('ALREADY_EXISTS', `can't ${action}: there is an object of that name already`);
  }

  async #call<T>(action: string, options: RequestOptions | undefined, send: Sender<T>): Promise<T> {
    try {
      return await send(this.#connection[this.#manner], { abortSignal: options?.signal });
    } catch (error) {
      throw s3Fault(error, { action, signal: options?.signal });
    }
  }

  async *#guard<T>(
    action: string,
    items: AsyncIterable<T>,
    options: RequestOptions | undefined,
  ): AsyncGenerator<T> {
    try {
      yield* items;
    } catch (error) {
      throw s3Fault(error, { action, signal: options?.signal });
    }
  }
}
