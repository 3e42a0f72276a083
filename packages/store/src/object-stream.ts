import { finished, Readable } from 'node:stream';

/** Answers a source that broke off after `delivered` bytes: with one that goes on from there, or by rejecting. */
export type Recover = (error: unknown, delivered: number) => Promise<Readable>;

/**
 * An object's bytes as one stream, though the connection behind it may break and be opened anew: a reader
 * that takes long over what it has must not lose the rest to a server's idle timeout. Destroying it destroys
 * the source.
 */
export class ObjectStream extends Readable {
  readonly #recover: Recover;
  #source: Readable;
  #delivered = 0;

  constructor(source: Readable, recover: Recover) {
    super();
    this.#recover = recover;
    this.#source = source;
    this.#follow(source);
  }

  #follow(source: Readable): void {
    this.#source = source;
    source.on('data', (chunk: Uint8Array) => {
      this.#delivered += chunk.byteLength;
      if (!this.push(chunk)) source.pause();
    });
    source.pause();
    finished(source, { writable: false }, (error) => {
      if (this.destroyed) return;
      if (error) void this.#resume(error);
      else this.push(null);
    });
  }

  async #resume(error: unknown): Promise<void> {
    try {
      const source = await this.#recover(error, this.#delivered);
      if (this.destroyed) source.destroy();
      else this.#follow(source);
      source.resume();
    } catch (fault) {
      this.destroy(fault instanceof Error ? fault : new Error(String(fault)));
    }
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#source.destroy();
    callback(error);
  }
}
