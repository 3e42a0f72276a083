import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { StoreError } from './error.ts';
import { type Body, PART_LIMITS } from './store.ts';

/** How much of a file is in memory at a time, and how much is hashed before other work gets its turn (1 ms). */
const SLICE_BYTES = 2 ** 20;

/** Bytes that are in memory already, as a body. */
export const inMemory = (bytes: Uint8Array): Body => ({ bytes: bytes.byteLength, chunks: [bytes] });

/** Rejects with REFUSED a body that isn't as long as it says, or longer than S3 takes in one request. */
export function checkBody(body: Body): void {
  if (body.bytes > PART_LIMITS.maxBytes)
    throw new StoreError('REFUSED', `${body.bytes} bytes are more than the 5 GiB of one write`);
  if (!('chunks' in body)) return;
  const bytes = body.chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  if (bytes !== body.bytes)
    throw new StoreError('REFUSED', `a body of ${bytes} bytes was announced as ${body.bytes}`);
}

/** The body's bytes, from its beginning, as often as asked. Rejects with REFUSED when its file has become too short. */
export function chunksOf(body: Body): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  return 'chunks' in body ? body.chunks : slicesOf(body);
}

/** As a byte stream; each call starts at the beginning, and destroying it closes the file. */
export function streamOf(body: Body): Readable {
  return Readable.from(chunksOf(body), { objectMode: false });
}

/** SHA-256 in hex: the one that was given with the body, or computed without holding up the event loop. */
export async function sha256Of(body: Body): Promise<string> {
  if (body.sha256 !== undefined) return body.sha256;
  const hash = createHash('sha256');
  for await (const chunk of chunksOf(body)) {
    for (let at = 0; at < chunk.byteLength; at += SLICE_BYTES) {
      hash.update(chunk.subarray(at, at + SLICE_BYTES));
      await setImmediate();
    }
  }
  return hash.digest('hex');
}

export type FileBody = Extract<Body, { file: string }>;

async function* slicesOf(body: FileBody): AsyncGenerator<Uint8Array> {
  await using handle = await openBody(body);
  for (let done = 0; done < body.bytes; ) {
    const slice = await readSlice(handle, body, done);
    done += slice.byteLength;
    yield slice;
  }
}

async function readSlice(handle: FileHandle, body: FileBody, done: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(SLICE_BYTES, body.bytes - done));
  const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, body.offset + done);
  if (bytesRead === 0) throw tooShort(body);
  return buffer.subarray(0, bytesRead);
}

/** Opens the file that a body names, for its owner to close. */
export async function openBody({ file }: FileBody): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    throw new StoreError('REFUSED', `can't read ${file}, which was to be written to the store`, { cause });
  }
}

export function tooShort({ file, offset, bytes }: FileBody): StoreError {
  return new StoreError(
    'REFUSED',
    `${file} ends before the ${bytes} bytes from byte ${offset} that were to be written`,
  );
}
