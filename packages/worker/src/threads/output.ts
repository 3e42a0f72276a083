import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { crc32, type FrameSink } from '@longshore/tape';
import type { OutputMemory } from './output-memory.ts';

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

  /** Blocks of output memory that are the caller's now. */
  handOver(): number[] {
    return [];
  }

  abstract [Symbol.dispose](): void;
}

/** Fills blocks of output memory, one after the other, and frees them unless they're handed over. */
export class MemoryOutput extends ItemOutput {
  #memory: OutputMemory;
  #owner: number;
  #look: () => void;
  #blocks: number[] = [];
  /** The last block, and how many bytes are in it. */
  #current: Uint8Array = new Uint8Array();
  #fill = 0;

  constructor(
    { memory, owner, look }: { memory: OutputMemory; owner: number; look: () => void },
    { payloadHash }: { payloadHash: 'sha256' | 'none' },
  ) {
    super(payloadHash);
    this.#memory = memory;
    this.#owner = owner;
    this.#look = look;
  }

  protected override write(data: Buffer): void {
    for (let at = 0; at < data.length; ) {
      if (this.#fill === this.#current.length) this.#next();
      const copied = data.copy(this.#current, this.#fill, at);
      this.#fill += copied;
      at += copied;
    }
  }

  override handOver(): number[] {
    return this.#blocks.splice(0);
  }

  override [Symbol.dispose](): void {
    this.#memory.free(this.#blocks);
  }

  #next(): void {
    this.#memory.waitForRoom(this.#look);
    const block = this.#memory.take(this.#owner);
    this.#blocks.push(block);
    this.#current = this.#memory.view(block);
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

  constructor(path: string, { payloadHash }: { payloadHash: 'sha256' | 'none' }) {
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
