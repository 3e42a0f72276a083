import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { StoreError, type StoreErrorCode } from '../error.ts';
import { type Body, type ObjectInfo, PART_LIMITS, type Part, type Store, type Upload } from '../store.ts';

export const MIN = PART_LIMITS.minBytes;

/** The smallest part that isn't the last, twice: made once, since random bytes cost time. */
export const FIRST = randomBytes(MIN);
export const SECOND = randomBytes(MIN);

export function bodyOf(...contents: (string | Uint8Array)[]): Body {
  const chunks = contents.map((content) => (typeof content === 'string' ? Buffer.from(content) : content));
  return { bytes: chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0), chunks };
}

export async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function textOf(store: Store, key: string): Promise<string> {
  return String(await bytesOf(await store.get(key)));
}

/** Compares without printing megabytes when it fails. */
export function assertSameBytes(actual: Buffer, expected: Buffer): void {
  assert.equal(actual.byteLength, expected.byteLength);
  assert.ok(actual.equals(expected), 'the bytes differ');
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

export async function keysOf(objects: AsyncIterable<ObjectInfo>): Promise<string[]> {
  return (await all(objects)).map(({ key }) => key);
}

/** Asserts that the promise rejects with a `StoreError` of this code, whose message names `subject` in one line. */
export async function assertFault(
  promise: Promise<unknown>,
  code: StoreErrorCode,
  subject = '',
): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof StoreError, `not a StoreError: ${error}`);
    assert.equal(error.code, code, error.message);
    assert.ok(error.message.includes(subject) && !error.message.includes('\n'), error.message);
    return true;
  });
}

/** Opens an upload, hands it to `use`, and aborts it whatever happens. */
export async function withUpload(
  store: Store,
  key: string,
  use: (upload: Upload) => Promise<void>,
): Promise<void> {
  const upload = await store.createUpload(key);
  try {
    await use(upload);
  } finally {
    await store.abortUpload(upload);
  }
}

export async function putParts(
  store: Store,
  upload: Upload,
  contents: Record<number, string | Uint8Array>,
): Promise<Part[]> {
  const parts: Part[] = [];
  for (const [number, content] of Object.entries(contents)) {
    parts.push(await store.putPart(upload, Number(number), bodyOf(content)));
  }
  return parts;
}

/** Runs `act` for 1 to `count`, sixteen at a time. */
export async function forEachNumber(count: number, act: (number: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const drain = async () => {
    while (next < count) await act(++next);
  };
  await Promise.all(Array.from({ length: 16 }, drain));
}
