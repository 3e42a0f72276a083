import { type Format, Manifest, publishedKeys } from '@longshore/shared';
import { IndexReader } from '@longshore/tape';
import { RestoreError } from '../error.ts';
import { locate } from './location.ts';
import { openPlace, type Place } from './place.ts';

/** A manifest lists at most 20,000 paths of at most some thousand bytes. */
const MANIFEST_MAX_BYTES = 2 ** 28;

export interface OpenOptions {
  /** A folder for a copy of the index, where the archive isn't in a local directory. */
  temp: string;
}

/** An archive with its manifest and its index, as they were published together. */
export class PublishedArchive implements AsyncDisposable {
  readonly format: Format;
  readonly manifest: Manifest;
  /** The archive's size as it is, whatever the manifest says. */
  readonly bytes: number;
  readonly index: IndexReader;
  /** The index's local file: for threads, which open it themselves. */
  readonly indexFile: string;
  readonly #place: Place;
  readonly #key: string;

  private constructor(place: Place, { key, format, manifest, bytes, indexFile }: Found) {
    this.#place = place;
    this.#key = key;
    this.format = format;
    this.manifest = manifest;
    this.bytes = bytes;
    this.indexFile = indexFile;
    this.index = new IndexReader(indexFile);
  }

  /**
   * Opens `/dir/NAME.tar.zst` or `s3://bucket/prefix/NAME.tar.zst`. Rejects with NO_ARCHIVE, with INCOMPLETE_ARCHIVE
   * where what belongs to it is missing or is another archive's, with CORRUPT for an index that SQLite can't read,
   * and with the store's errors.
   */
  static async open(archive: string, { temp }: OpenOptions): Promise<PublishedArchive> {
    const location = locate(archive);
    const place = await openPlace(location.place);
    try {
      const found = await find(place, { ...location, archive, temp });
      const opened = new PublishedArchive(place, found);
      opened.#expectTogether();
      return opened;
    } catch (error) {
      await place[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The archive's bytes, as `Place.read` fills `target` with them: fewer where it's cut off. */
  async read(start: number, target: Uint8Array<SharedArrayBuffer>): Promise<Uint8Array<SharedArrayBuffer>> {
    return target.subarray(0, await this.#place.read(this.#key, start, target));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.index[Symbol.dispose]();
    await this.#place[Symbol.asyncDispose]();
  }

  #expectTogether(): void {
    const { id } = this.manifest.export;
    if (this.index.meta('export') === id && this.manifest.archive.format === this.format) return;
    this.index[Symbol.dispose]();
    throw new RestoreError(
      'INCOMPLETE_ARCHIVE',
      `The index and the manifest beside ${this.#key} are not of one export: get all three of them again.`,
    );
  }
}

interface Found {
  key: string;
  format: Format;
  manifest: Manifest;
  bytes: number;
  indexFile: string;
}

interface Wanted {
  archive: string;
  name: string;
  format: Format;
  temp: string;
}

async function find(place: Place, { archive, name, format, temp }: Wanted): Promise<Found> {
  const keys = publishedKeys(name, format);
  const bytes = await place.bytes(keys.archive);
  if (bytes === undefined) throw new RestoreError('NO_ARCHIVE', `There is no archive ${archive}.`);
  const manifest = await readManifest(place, keys.manifest);
  if ((await place.bytes(keys.index)) === undefined) throw missing(keys.index);
  return { key: keys.archive, format, manifest, bytes, indexFile: await place.file(keys.index, temp) };
}

async function readManifest(place: Place, key: string): Promise<Manifest> {
  const bytes = await place.bytes(key);
  if (bytes === undefined) throw missing(key);
  try {
    const text = Buffer.alloc(Math.min(bytes, MANIFEST_MAX_BYTES));
    await place.read(key, 0, text);
    return Manifest.parse(JSON.parse(text.toString()));
  } catch (cause) {
    const message = `${key} is no manifest that this version reads: get it again from where the archive is.`;
    throw new RestoreError('INCOMPLETE_ARCHIVE', message, { cause });
  }
}

function missing(key: string): RestoreError {
  const message = `${key} is missing beside the archive: it is published with it, and says what the archive holds.`;
  return new RestoreError('INCOMPLETE_ARCHIVE', message);
}
