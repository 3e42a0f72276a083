import { once } from 'node:events';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { SelectionFormat } from '@longshore/shared';
import { ZipArchive } from 'archiver';
import { type Pack, pack } from 'tar-stream';
import type { PackedEntry } from './entry-data.ts';

/** Makes a zip or tar, entry by entry, as fast as its stream is read. */
export interface Packer {
  readonly stream: Readable;
  /** Resolves when the entry is written. Its content has the size that `data` says. */
  add(data: PackedEntry, content: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void>;
  /** No more entries: the stream ends. */
  finish(): void;
  /** Gives up: the stream ends with an error. */
  destroy(): void;
}

export const PACKERS: Readonly<Record<SelectionFormat, () => Packer>> = {
  zip: () => new ZipPacker(),
  tar: () => new TarPacker(),
};

class ZipPacker implements Packer {
  readonly stream = new ZipArchive();

  constructor() {
    // What it says once it's destroyed is of no interest; without a listener it would end the process.
    this.stream.on('error', () => undefined);
  }

  async add(data: PackedEntry, content: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> {
    const source = Readable.from(content, { objectMode: false });
    try {
      const written = once(this.stream, 'entry', { signal });
      const read = finished(source, { signal });
      this.stream.append(source, data);
      await Promise.all([written, read]);
    } finally {
      source.destroy();
    }
  }

  finish(): void {
    // Its end is the stream's, which is waited for there.
    this.stream.finalize().catch(() => undefined);
  }

  destroy(): void {
    this.stream.abort();
    this.stream.destroy();
  }
}

/**
 * The library by which archiver makes its tars. archiver's can't be aborted in the middle of an entry: nobody hears of
 * its inner streams' errors then, which end the process.
 */
class TarPacker implements Packer {
  readonly #pack: Pack = pack();
  readonly stream: Readable;

  constructor() {
    this.#pack.on('error', () => undefined);
    this.stream = Readable.from(this.#pack, { objectMode: false });
    this.stream.on('error', () => undefined);
  }

  async add(
    { name, date, ...data }: PackedEntry,
    content: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const directory = data.type === 'directory' ? '/' : '';
    const header = { ...data, name: `${name}${directory}`, mtime: date };
    const entry = this.#pack.entry(header, (error) => (error ? reject(error) : resolve()));
    entry.on('error', reject);
    promise.catch(() => undefined);
    for await (const piece of content) if (!entry.write(piece)) await once(entry, 'drain', { signal });
    entry.end(undefined);
    await promise;
  }

  finish(): void {
    this.#pack.finalize();
  }

  destroy(): void {
    this.#pack.destroy(new Error('The selection is given up.'));
    this.stream.destroy();
  }
}
