import { crc32 } from 'node:zlib';
import { CliError } from '../error.ts';
import { backOff, GIVE_UP_MS, isPassing } from './back-off.ts';
import type { Client, FileContent } from './client.ts';
import { patiently } from './list-files.ts';

/** So many connections, one after the other, break off before anything comes: the archive is damaged there. */
const MOST_BREAKS = 6;

export interface FileReading {
  /** How the file differed from its plan when it was exported, where it did. */
  drift: string | null;
  pieces: AsyncGenerator<Uint8Array>;
}

type ReadFile = (from?: { at: number; etag: string }) => Promise<FileContent>;

/**
 * A file of an archive. One that breaks off goes on from there, and its last piece comes only once the CRC-32 of all
 * pieces is the file's. Rejects as `Client.content`; `pieces` reject with BROKE_OFF, ARCHIVE_DAMAGED or the signal's reason.
 */
export async function readFile(
  id: string,
  named: Parameters<Client['content']>[1],
  { client, signal }: { client: Client; signal: AbortSignal },
): Promise<FileReading> {
  const ask: ReadFile = (from) => patiently(() => client.content(id, named, { from, signal }), signal);
  const content = await ask();
  return { drift: content.drift, pieces: checked(inOnePiece(content, { ask, signal }), content) };
}

/** The bytes of as many connections as it takes. */
async function* inOnePiece(
  { body: first, etag, size }: FileContent,
  { ask, signal }: { ask: ReadFile; signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const patience = new Patience();
  let at = 0;
  let body: FileContent['body'] | undefined = first;
  for (;;) {
    try {
      body ??= (await ask({ at, etag })).body;
      for await (const piece of body) {
        at += piece.length;
        patience.renew();
        yield piece;
        // Whatever becomes of the connection then.
        if (at >= size) return;
      }
      if (size === 0) return;
      throw new Error('too few bytes came');
    } catch (cause) {
      signal.throwIfAborted();
      body = undefined;
      if (patience.endsWith(cause)) throw cause instanceof CliError ? cause : brokeOff(at, cause);
      await backOff(patience.failures - 1, signal);
    }
  }
}

/** How long nothing may come: a server that is away may be back, but one that is there and breaks off won't do better. */
class Patience {
  failures = 0;
  #breaks = 0;
  #since = 0;

  renew(): void {
    this.failures = 0;
    this.#breaks = 0;
  }

  endsWith(cause: unknown): boolean {
    // From the first failure on: until then it may have been the reader who took his time.
    if (this.failures++ === 0) this.#since = performance.now();
    if (isPassing(cause)) return performance.now() - this.#since > GIVE_UP_MS;
    return cause instanceof CliError || ++this.#breaks === MOST_BREAKS;
  }
}

function brokeOff(bytes: number, cause: unknown): CliError {
  const message = `The file broke off after ${bytes} bytes, and nothing more came when it was asked for again: the connection is cut, or the archive is damaged there. Try again, and then look at the server's log.`;
  return new CliError('BROKE_OFF', message, { cause });
}

async function* checked(
  pieces: AsyncIterable<Uint8Array>,
  file: Pick<FileContent, 'size' | 'crc32'>,
): AsyncGenerator<Uint8Array> {
  let crc = 0;
  let at = 0;
  for await (const piece of pieces) {
    crc = crc32(piece, crc);
    at += piece.length;
    if (at >= file.size && crc !== file.crc32) throw otherContent();
    yield piece;
  }
}

function otherContent(): CliError {
  const message =
    "What came isn't the file that was archived: the archive is damaged where it's kept, or something on the way changes it.";
  return new CliError('ARCHIVE_DAMAGED', message);
}
