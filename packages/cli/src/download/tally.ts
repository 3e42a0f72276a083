import { GIVE_UP_MS } from '../client/back-off.ts';
import type { CliError } from '../error.ts';
import type { ByteRange } from './open-range.ts';

/** A store that never was there isn't coming back: its address may be one that isn't known here. */
const NEVER_THERE_MS = 30_000;

/** Many connections break at once, and one may break many times: that's said no more often. */
const TELL_AGAIN_MS = 5_000;

/** How a download gets on, in bytes of the archive. */
export interface TallyOptions {
  bytes: number;
  /** Bytes that an earlier run of the command has fetched and checked. */
  kept: number;
  /** Told what went wrong and is tried again, from time to time. */
  onTrouble: (message: string) => void;
}

/** Counts what comes and what goes wrong, over all connections of a download. */
export class Tally {
  readonly bytes: number;
  readonly kept: number;
  /** Bytes that came, with those that came twice. */
  fetched = 0;
  /** Times that a connection broke, or that there was none. */
  breaks = 0;
  /** Segments that came with a wrong CRC-32. */
  damages = 0;
  /** When bytes came last; at first the beginning. */
  #heardAt = performance.now();
  #toldAt = Number.NEGATIVE_INFINITY;
  #discarded = 0;
  readonly #onTrouble: TallyOptions['onTrouble'];

  constructor({ bytes, kept, onTrouble }: TallyOptions) {
    this.bytes = bytes;
    this.kept = kept;
    this.#onTrouble = onTrouble;
  }

  /** Bytes that are there. */
  get done(): number {
    return this.kept + this.fetched - this.#discarded;
  }

  /** Whether nothing has come for so long that there's no point in asking again. */
  get isHopeless(): boolean {
    const patience = this.fetched > 0 ? GIVE_UP_MS : NEVER_THERE_MS;
    return performance.now() - this.#heardAt > patience;
  }

  received(bytes: number): void {
    this.fetched += bytes;
    this.#heardAt = performance.now();
  }

  broke({ message }: CliError): void {
    this.breaks++;
    if (performance.now() - this.#toldAt < TELL_AGAIN_MS) return;
    this.#toldAt = performance.now();
    this.#onTrouble(`${message} Trying again.`);
  }

  damaged({ start, end }: ByteRange): void {
    this.damages++;
    this.#discarded += end - start;
    this.#onTrouble(`Bytes ${start} to ${end} came damaged. Fetching them again.`);
  }
}
