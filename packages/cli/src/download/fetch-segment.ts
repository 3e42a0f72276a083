import { crc32 } from 'node:zlib';
import { backOff, isPassing } from '../client/back-off.ts';
import { networkFault } from '../client/faults.ts';
import { CliError } from '../error.ts';
import type { ArchiveLink } from './archive-link.ts';
import { openRange, Refused, type Whole } from './open-range.ts';
import type { Segment } from './segments.ts';
import type { Tally } from './tally.ts';

/** A network that damages as many copies of one segment damages all: or the archive itself is damaged. */
const MOST_DAMAGED = 5;

/** Bytes are gathered to about so many before they are written. */
const WRITE_BYTES = 2 ** 20;

export interface SegmentFetch {
  link: ArchiveLink;
  whole: Whole;
  tally: Tally;
  /** Writes all of `bytes` at an offset of the archive. */
  write: (bytes: Buffer, at: number) => Promise<void>;
  signal: AbortSignal;
}

/**
 * Fetches a segment, through cuts, absences and links that end, each time from where it broke off; one whose CRC-32 is
 * wrong is fetched again. Rejects with the signal's reason or with CliError.
 */
export async function fetchSegment(segment: Segment, fetch: SegmentFetch): Promise<void> {
  for (let damaged = 1; ; damaged++) {
    const crc = await new SegmentStream(segment, fetch).finish();
    if (segment.crc32 === undefined || crc === segment.crc32) return;
    fetch.tally.damaged(segment);
    if (damaged === MOST_DAMAGED) throw damagedFault(segment, fetch.whole);
  }
}

function damagedFault({ start, end }: Segment, { id }: Whole): CliError {
  const message = `Bytes ${start} to ${end} of the archive of ${id} aren't those that were packed, each of ${MOST_DAMAGED} times that they were fetched: the archive is damaged where it's kept, or something on the way changes it.`;
  return new CliError('ARCHIVE_DAMAGED', message);
}

/** One pass over a segment, which remembers how far it is from one connection to the next. */
class SegmentStream {
  readonly #segment: Segment;
  readonly #fetch: SegmentFetch;
  #at: number;
  #crc = 0;

  constructor(segment: Segment, fetch: SegmentFetch) {
    this.#segment = segment;
    this.#fetch = fetch;
    this.#at = segment.start;
  }

  /** The CRC-32 of all that came. */
  async finish(): Promise<number> {
    const { signal, tally } = this.#fetch;
    let failures = 0;
    while (this.#at < this.#segment.end) {
      const before = this.#at;
      try {
        await this.#connect();
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error) || tally.isHopeless) throw error;
        failures = this.#at > before ? 0 : failures + 1;
        tally.broke(error);
        await backOff(failures, signal);
      }
    }
    return this.#crc;
  }

  /** One connection's worth, or a new link. */
  async #connect(): Promise<void> {
    const { link, whole, signal } = this.#fetch;
    const address = await link.current();
    const range = { start: this.#at, end: this.#segment.end };
    try {
      const response = await openRange(address, { range, whole, signal });
      link.served();
      await this.#take(response, new URL(address.url.origin));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      await link.refused(address, error.message);
      await backOff(0, signal);
    }
  }

  async #take(response: AsyncIterable<Buffer>, origin: URL): Promise<void> {
    const pieces = inPieces(response);
    for (;;) {
      const next = await pieces.next().catch((cause: unknown) => {
        throw networkFault(origin, cause);
      });
      if (next.done) break;
      await this.#write(next.value);
    }
    if (this.#at < this.#segment.end)
      throw networkFault(origin, Object.assign(new Error('too few bytes came'), { code: 'ECONNRESET' }));
  }

  async #write(piece: Buffer): Promise<void> {
    const { write, tally } = this.#fetch;
    await write(piece, this.#at);
    this.#crc = crc32(piece, this.#crc);
    this.#at += piece.length;
    tally.received(piece.length);
  }
}

/** What comes, in pieces of a size that's worth a write; what came before a break is given too. */
async function* inPieces(response: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < WRITE_BYTES) continue;
      yield Buffer.concat(chunks, bytes);
      chunks = [];
      bytes = 0;
    }
  } catch (error) {
    if (bytes > 0) yield Buffer.concat(chunks, bytes);
    throw error;
  }
  if (bytes > 0) yield Buffer.concat(chunks, bytes);
}
