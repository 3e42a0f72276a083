import type { Readable } from 'node:stream';

/**
 * Bytes to be written. They can be produced more than once, because a request may be repeated: chunks that
 * are already in memory, or a range of a local file. `sha256` is in hex; a store that sends it has it verified
 * by the server, and computes it where it isn't given and the connection isn't encrypted.
 */
export type Body =
  | { bytes: number; chunks: readonly Uint8Array[]; sha256?: string }
  | { bytes: number; file: string; offset: number; sha256?: string };

export interface ObjectInfo {
  key: string;
  bytes: number;
  /** CRC-64/NVME of the whole object, Base64: where it was asked for and the store computed one. */
  crc64nvme?: string;
  /** Opaque, without quotes; two writes of one key never share it unless their bytes are the same. */
  etag: string;
}

/** A multipart upload that is open: its bytes exist nowhere under `key` until it is completed. */
export interface Upload {
  key: string;
  id: string;
}

export interface Part {
  /** 1 to 10,000; gaps are allowed. */
  number: number;
  bytes: number;
  etag: string;
}

/** A local file that doesn't exist yet: for a caller to write, and then to put as a body of its own. */
export interface PartDraft extends AsyncDisposable {
  readonly path: string;
  /** The store's error for what a system call said when the file was written. */
  fault(error: Error): Error;
  /** Removes the file where it wasn't put. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RequestOptions {
  signal?: AbortSignal;
}

/** How an object is to be reached by someone who has no credentials. */
export interface LinkOptions extends RequestOptions {
  /** A link signed for one method is refused for the other. */
  method: 'GET' | 'HEAD';
  /** What a browser is to call the file; the key's last component where it's left out. */
  filename?: string;
  /** 1 to 604,800 (a week, the limit of Signature Version 4). */
  expiresSeconds: number;
}

export interface Link {
  url: string;
  /** Seconds; less than was asked for where the credentials that it is signed with end earlier. */
  expiresIn: number;
}

export interface HeadOptions extends RequestOptions {
  checksum?: 'crc64nvme';
}

/** S3's own rules, which every store enforces, so that an archive's bytes don't depend on where it goes. */
export const PART_LIMITS = {
  minBytes: 5 * 2 ** 20,
  maxBytes: 5 * 2 ** 30,
  maxNumber: 10_000,
} as const;

/**
 * Where bytes go: a bucket or a directory, and a prefix in it. Keys are relative to that prefix, use `/`,
 * and never start with it; a key with an empty, `.` or `..` component, a control character or more than 1,024
 * bytes, or below `.longshore/uploads` or `.longshore/tmp`, is REFUSED. Every method rejects with `StoreError`;
 * every method is safe to repeat.
 */
export interface Store extends AsyncDisposable {
  /** As the user named it, without credentials: `s3://bucket/prefix`, `/srv/archives`. */
  readonly uri: string;

  /** The largest object that this store takes, in bytes. */
  readonly maxObjectBytes: number;

  /** Whether this store asks for a body's SHA-256: a caller that can have it cheaply then gives it along. */
  readonly payloadHash: 'sha256' | 'none';

  /** Proves that this store can be reached, written, listed and deleted from, within about 25 s; leaves nothing. */
  probe(options?: RequestOptions): Promise<void>;

  /**
   * The object's size and ETag, or undefined where there is none. `checksum` also asks for the store's own
   * checksum of it, which takes the right to decrypt where S3 encrypts with KMS.
   */
  head(key: string, options?: HeadOptions): Promise<ObjectInfo | undefined>;

  /**
   * The object's bytes, or those of `range` (`end` exclusive), as far as the object goes. Rejects with
   * NOT_FOUND. A stream that isn't read to its end must be destroyed.
   */
  get(key: string, options?: RequestOptions & { range?: { start: number; end: number } }): Promise<Readable>;

  /**
   * A link to the object, whether or not there is one, for whoever has it; undefined where only this process
   * reaches the store. Sends nothing. Byte ranges can be asked of it. REFUSED: an expiry out of range.
   */
  link(key: string, options: LinkOptions): Promise<Link | undefined>;

  /**
   * Writes one object of at most 5 GiB, whole or not at all. With `ifAbsent` an existing object is left as it
   * is and ALREADY_EXISTS says so; after a request whose answer was lost, the object may be this caller's own.
   */
  put(
    key: string,
    body: Body,
    options?: RequestOptions & { ifAbsent?: boolean; contentType?: string },
  ): Promise<ObjectInfo>;

  /** Deletes objects; a key that isn't there is no error. */
  delete(keys: readonly string[], options?: RequestOptions): Promise<void>;

  /** Every object whose key begins with `prefix`, which may end anywhere, in bytewise key order, page by page. */
  list(prefix: string, options?: RequestOptions): AsyncIterable<ObjectInfo>;

  createUpload(
    key: string,
    options?: RequestOptions & { contentType?: string; metadata?: Record<string, string> },
  ): Promise<Upload>;

  /** Every open upload of exactly this key. */
  listUploads(key: string, options?: RequestOptions): AsyncIterable<Upload>;

  /** Where a part may be written that `putPart` then takes over, in a store where it needn't be copied. */
  draftPart?(upload: Upload, options?: RequestOptions): Promise<PartDraft | undefined>;

  /** Writes a part, replacing one of the same number. Rejects with NO_SUCH_UPLOAD after completion or abort. */
  putPart(upload: Upload, number: number, body: Body, options?: RequestOptions): Promise<Part>;

  /** The parts that the store holds, in the order of their numbers. Rejects with NO_SUCH_UPLOAD. */
  listParts(upload: Upload, options?: RequestOptions): AsyncIterable<Part>;

  /**
   * Does beforehand what takes long of a completion with these parts, in a store where anything does; nothing becomes
   * visible. What follows from it is what follows from a completion that was interrupted.
   */
  prepareCompletion?(upload: Upload, parts: readonly Part[], options?: RequestOptions): Promise<void>;

  /**
   * Makes the object of exactly these parts, in this order, and only if no object has its key
   * (ALREADY_EXISTS). A part that is missing or has another ETag: PART_MISMATCH. A part below 5 MiB that
   * isn't the last: PART_TOO_SMALL. Repeating a completion that succeeded gives NO_SUCH_UPLOAD; the caller
   * then looks at `head`. A completion that was interrupted by a crash can be repeated, and `listParts`
   * still lists every part until it has succeeded. Two callers at once: one succeeds, the other is told
   * UNAVAILABLE or NO_SUCH_UPLOAD. With no parts: REFUSED.
   */
  completeUpload(upload: Upload, parts: readonly Part[], options?: RequestOptions): Promise<ObjectInfo>;

  /** Gives the upload's parts up; an upload that isn't there is no error. */
  abortUpload(upload: Upload, options?: RequestOptions): Promise<void>;
}
