import assert from 'node:assert/strict';
import { closeSync, openSync, statSync } from 'node:fs';
import { execa } from 'execa';
import { type FileRow, type Published, readRange } from './published.ts';

/** A whole tape in a file, decompressed by the format's usual program. */
export class TapeFile implements Disposable {
  readonly path: string;
  readonly #file: number;

  /** Makes `path` of the archive; a plain tar is its own tape, and stays where it is. */
  static async of({ archive, format }: Published, path: string): Promise<TapeFile> {
    if (format === 'tar') return new TapeFile(archive);
    const program = format === 'tar.gz' ? 'gzip' : 'zstd';
    await execa(program, ['-dc', archive], { stdout: { file: path }, buffer: false });
    return new TapeFile(path);
  }

  private constructor(path: string) {
    this.path = path;
    this.#file = openSync(path, 'r');
  }

  get bytes(): number {
    return statSync(this.path).size;
  }

  read(offset: number, length: number): Buffer {
    return readRange(this.#file, offset, length);
  }

  /** A file's content, from where the index says that it is. */
  content({ data_offset, size }: FileRow): Buffer {
    assert.ok(data_offset !== null);
    return this.read(data_offset, size);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
