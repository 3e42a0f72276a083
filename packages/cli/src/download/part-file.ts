import { constants } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { libc } from '@longshore/store/libc';
import { CliError } from '../error.ts';
import type { ByteRange, Whole } from './open-range.ts';
import { covers, type DownloadState, readState, withRange, writeState } from './state-file.ts';
import { publish, refuseExisting, targetFault } from './target.ts';

/** Nothing is truncated that another process may be writing, and no link is followed that somebody put there. */
const READ_WRITE_OR_MAKE = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * `FILE.part`, in which an archive comes together, and `FILE.part.json`, which says what of it is there and checked.
 * The state is written before anything is in the other: a `.part` file without one is somebody else's. It names a
 * range only when the range's bytes are on the disk, so that it's true after a power cut too.
 */
export class PartFile implements AsyncDisposable {
  readonly #file: string;
  readonly #handle: FileHandle;
  #state: DownloadState;
  #noting: Promise<void> = Promise.resolve();

  /**
   * Goes on with the file's download, or begins one. TARGET_EXISTS, ARCHIVE_CHANGED, BAD_TARGET or TARGET_FULL.
   */
  static async open(file: string, whole: Whole): Promise<PartFile> {
    await refuseExisting(file);
    let handle: FileHandle | undefined;
    try {
      handle = await open(partOf(file), READ_WRITE_OR_MAKE);
      if (libc.lock?.(handle.fd) === 'taken')
        throw inTheWay(partOf(file), 'is being written by another process');
      // Whoever had the lock may have finished: then what is open here is the file itself.
      await refuseExisting(file);
      const state = await stateFor(file, { whole, size: (await handle.stat()).size });
      await handle.truncate(whole.bytes);
      return new PartFile(file, { handle, state });
    } catch (cause) {
      await handle?.close();
      throw targetFault(cause, file);
    }
  }

  private constructor(file: string, { handle, state }: { handle: FileHandle; state: DownloadState }) {
    this.#file = file;
    this.#handle = handle;
    this.#state = state;
  }

  has(range: ByteRange): boolean {
    return covers(this.#state.verified, range);
  }

  async write(bytes: Buffer, at: number): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, at + done);
        done += bytesWritten;
      }
    } catch (cause) {
      throw targetFault(cause, this.#file);
    }
  }

  /** Notes that a range is there and checked. */
  verified(range: ByteRange): Promise<void> {
    this.#noting = this.#noting.then(() => this.#note(range));
    return this.#noting;
  }

  /** Gives the finished file its name, and removes the state. TARGET_EXISTS where somebody was faster. */
  async finish(): Promise<void> {
    await this.#handle.datasync();
    await publish(partOf(this.#file), this.#file);
    await unlink(stateOf(this.#file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever waits for what fails there is told; here it's only over.
    await this.#noting.catch(() => undefined);
    await this.#handle.close();
  }

  async #note(range: ByteRange): Promise<void> {
    try {
      await this.#handle.datasync();
      this.#state = { ...this.#state, verified: withRange(this.#state.verified, range) };
      await writeState(stateOf(this.#file), this.#state);
    } catch (cause) {
      throw targetFault(cause, this.#file);
    }
  }
}

const partOf = (file: string) => `${file}.part`;
const stateOf = (file: string) => `${file}.part.json`;

/** The state of the download that `file` has begun of this archive, or a new one. `size` is that of the `.part` file. */
async function stateFor(
  file: string,
  { whole: { id, etag, bytes }, size }: { whole: Whole; size: number },
): Promise<DownloadState> {
  const state = await readState(stateOf(file));
  if (size > 0 && !state) throw inTheWay(partOf(file), "isn't of a download by this command");
  if (state && state.id !== id) throw inTheWay(partOf(file), `is a part of the archive of ${state.id}`);
  if (state && (state.etag !== etag || state.bytes !== bytes)) throw changed(file, id);
  // One of another size was changed by somebody, or never was filled.
  if (state && size === bytes) return state;
  const begun: DownloadState = { version: 1, id, etag, bytes, verified: [] };
  await writeState(stateOf(file), begun);
  return begun;
}

function inTheWay(path: string, what: string): CliError {
  return new CliError('TARGET_EXISTS', `${path} ${what}: move it away, or choose another --output.`);
}

function changed(file: string, id: string): CliError {
  const message = `${partOf(file)} is of another archive than ${id} has now: delete it and ${stateOf(file)}, or choose another --output.`;
  return new CliError('ARCHIVE_CHANGED', message);
}
