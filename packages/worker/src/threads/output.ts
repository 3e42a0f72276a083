import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { FrameSink } from '@longshore/tape';
import { OUTPUT_BUFFER_BYTES } from './protocol.ts';

/** Takes an item's compressed bytes: counted, and hashed where a signed upload needs their SHA-256 beforehand. */
export abstract class ItemOutput implements FrameSink, Disposable {
  bytes = 0;
  #hash: Hash | undefined;

  constructor(payloadHash: 'sha256' | 'none') {
    this.#hash = payloadHash === 'none' ? undefined : createHash(payloadHash);
  }

  frame(compressed: Buffer): void {
    this.#hash?.update(compressed);
    this.bytes += compressed.length;
    this.write(compressed);
  }

  sha256(): string | undefined {
    return this.#hash?.digest('hex');
  }

  protected abstract write(data: Buffer): void;

  abstract [Symbol.dispose](): void;
}

/**
 * An item of fewer bytes leaves in a buffer of its own size. V8 takes every large buffer that changes threads for
 * garbage to come: with 8 MiB for each item of zeros, collecting it took a third of an export's time.
 */
const SMALL_BYTES = 512 * 1024;

/** Fills the buffers that came with the task, and makes more where they don't suffice. */
export class MemoryOutput extends ItemOutput {
  readonly chunks: { buffer: ArrayBuffer; bytes: number }[] = [];
  readonly unused: ArrayBuffer[];

  constructor({ buffers, payloadHash }: { buffers: ArrayBuffer[]; payloadHash: 'sha256' | 'none' }) {
    super(payloadHash);
    this.unused = buffers;
  }

  /** The item's bytes, in buffers to be handed over. */
  take(): { buffer: ArrayBuffer; bytes: number }[] {
    const chunks = this.chunks.splice(0);
    if (this.bytes > SMALL_BYTES) return chunks;
    return chunks.map(({ buffer, bytes }) => {
      this.unused.push(buffer);
      return { buffer: buffer.slice(0, bytes), bytes };
    });
  }

  protected override write(data: Buffer): void {
    for (let at = 0; at < data.length; ) {
      const chunk = this.#open();
      at += this.#fill(chunk, data.subarray(at));
    }
  }

  override [Symbol.dispose](): void {
    this.chunks.length = 0;
  }

  #open() {
    const current = this.chunks.at(-1);
    if (current && current.bytes < current.buffer.byteLength) return current;
    const fresh = { buffer: this.unused.pop() ?? new ArrayBuffer(OUTPUT_BUFFER_BYTES), bytes: 0 };
    this.chunks.push(fresh);
    return fresh;
  }

  #fill(chunk: { buffer: ArrayBuffer; bytes: number }, data: Buffer): number {
    const copied = data.copy(Buffer.from(chunk.buffer), chunk.bytes);
    chunk.bytes += copied;
    return copied;
  }
}

export class FileOutput extends ItemOutput {
  #fd: number;

  constructor({ path, payloadHash }: { path: string; payloadHash: 'sha256' | 'none' }) {
    super(payloadHash);
    this.#fd = openSync(path, 'w', 0o600);
  }

  protected override write(data: Buffer): void {
    for (let at = 0; at < data.length; ) at += writeSync(this.#fd, data, at);
  }

  override [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
