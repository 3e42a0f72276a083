import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32, type FrameSink } from '@longshore/tape';
import { OUTPUT_BUFFER_BYTES } from './protocol.ts';

/** Takes an item's compressed bytes: counted, with their CRC-32, and hashed where a signed upload needs their SHA-256 beforehand. */
export abstract class ItemOutput implements FrameSink, Disposable {
  bytes = 0;
  /** CRC-32 of what came so far. */
  crc32 = 0;
  #hash: Hash | undefined;

  constructor(payloadHash: 'sha256' | 'none') {
    this.#hash = payloadHash === 'none' ? undefined : createHash(payloadHash);
  }

  frame(compressed: Buffer): void {
    this.#hash?.update(compressed);
    this.bytes += compressed.length;
    this.crc32 = crc32(compressed, this.crc32);
    this.write(compressed);
  }

  sha256(): string | undefined {
    return this.#hash?.digest('hex');
  }

  protected abstract write(data: Buffer): void;

  abstract [Symbol.dispose](): void;
}

/** Fills a list of buffers, one after the other, and adds to it where they don't suffice. */
export class MemoryOutput extends ItemOutput {
  #buffers: SharedArrayBuffer[];
  /** The buffer that is being filled, and where it goes on. */
  #current = 0;
  #fill = 0;

  constructor({ buffers, payloadHash }: { buffers: SharedArrayBuffer[]; payloadHash: 'sha256' | 'none' }) {
    super(payloadHash);
    this.#buffers = buffers;
  }

  protected override write(data: Buffer): void {
    for (let at = 0; at < data.length; ) {
      if (this.#fill === OUTPUT_BUFFER_BYTES) this.#next();
      this.#buffers[this.#current] ??= new SharedArrayBuffer(OUTPUT_BUFFER_BYTES);
      const copied = data.copy(Buffer.from(this.#buffers[this.#current]), this.#fill, at);
      this.#fill += copied;
      at += copied;
    }
  }

  override [Symbol.dispose](): void {
    // The buffers are the message's.
  }

  #next(): void {
    this.#current++;
    this.#fill = 0;
  }
}

/** What a system call said when a `FileOutput` was opened or written. */
export class OutputError extends Error {
  readonly errno: string;

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
  }
}

function writing<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw new OutputError(cause);
  }
}

export class FileOutput extends ItemOutput {
  #fd: number;

  constructor({ path, payloadHash }: { path: string; payloadHash: 'sha256' | 'none' }) {
    super(payloadHash);
    this.#fd = writing(() => openSync(path, 'w', 0o666));
  }

  protected override write(data: Buffer): void {
    for (let at = 0; at < data.length; ) at += writing(() => writeSync(this.#fd, data, at));
  }

  override [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
