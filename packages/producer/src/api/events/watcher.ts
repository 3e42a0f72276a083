import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { ProducerError } from '../../error.ts';
import type { ExportsApi } from '../../exports/exports.ts';
import type { ApiLimits } from '../options.ts';
import { changeSince, endedEvent, type State, stateOf } from './state.ts';

/** One watched export, and who reads of it. */
interface Watch {
  state: State;
  readers: Set<ServerResponse>;
}

export interface WatcherOptions {
  exports: Pick<ExportsApi, 'get' | 'partMap'>;
  limits: ApiLimits;
  logger: Logger;
}

const HEARTBEAT = Buffer.from(': alive\n\n');

/**
 * Watches exports for readers of event streams. Each watched export is looked at once a round, whatever the
 * number of its readers, and all looks of a round go to Redis together; the next round begins when they're
 * answered and `watchMs` have passed. What changed is put into bytes once, and the same bytes go to every reader. A reader
 * who doesn't read is dropped, and may come back: an event's state is whole, so none has to be kept.
 */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #watches = new Map<string, Watch>();
  readonly #looks = new Map<string, Promise<State>>();
  #round: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #readers = 0;
  #isAway = false;
  #isClosed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** How many streams there are. */
  get readers(): number {
    return this.#readers;
  }

  /** How the export looks: as of the last round where it's watched, and now where it isn't. UNKNOWN_EXPORT. */
  look(id: string): Promise<State> | State {
    return this.#watches.get(id)?.state ?? this.#lookNow(id);
  }

  /** Many who come at once share one look. */
  #lookNow(id: string): Promise<State> {
    const underWay = this.#looks.get(id);
    if (underWay) return underWay;
    const { exports } = this.#options;
    const look = Promise.all([exports.get(id), exports.partMap(id)])
      .then(([status, parts]) => stateOf(status, parts))
      .finally(() => this.#looks.delete(id));
    this.#looks.set(id, look);
    return look;
  }

  /** Whether streams aren't opened any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Tells `reader`, who knows `state`, of what comes after it, and ends with the export. */
  add(id: string, { state, reader }: { state: State; reader: ServerResponse }): void {
    const watch = this.#watches.get(id) ?? { state, readers: new Set() };
    this.#watches.set(id, watch);
    watch.readers.add(reader);
    this.#readers++;
    reader.once('close', () => this.#forget(id, reader));
    this.#tell([reader], changeSince(state, watch.state));
    this.#keepGoing();
  }

  /** Ends every stream. Its readers come back, to another producer or to the next one here. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#round);
    clearInterval(this.#heartbeat);
    for (const { readers } of this.#watches.values()) for (const reader of readers) reader.end();
    this.#watches.clear();
  }

  #forget(id: string, reader: ServerResponse): void {
    this.#readers--;
    const watch = this.#watches.get(id);
    watch?.readers.delete(reader);
    if (watch?.readers.size === 0) this.#watches.delete(id);
    if (this.#watches.size > 0) return;
    clearTimeout(this.#round);
    clearInterval(this.#heartbeat);
    this.#round = undefined;
    this.#heartbeat = undefined;
  }

  #keepGoing(): void {
    const { watchMs, heartbeatMs } = this.#options.limits;
    this.#round ??= setTimeout(() => void this.#goRound(), watchMs);
    this.#heartbeat ??= setInterval(() => this.#beat(), heartbeatMs);
  }

  async #goRound(): Promise<void> {
    await Promise.all([...this.#watches].map(([id, watch]) => this.#update(id, watch)));
    this.#round = undefined;
    if (this.#watches.size > 0) this.#keepGoing();
  }

  async #update(id: string, watch: Watch): Promise<void> {
    try {
      const state = await this.#lookNow(id);
      const change = changeSince(watch.state, state);
      watch.state = state;
      if (state.hasEnded) this.#end(id, change);
      else this.#tell(watch.readers, change);
      this.#isAway = false;
    } catch (error) {
      if (error instanceof ProducerError && error.code === 'UNKNOWN_EXPORT')
        this.#end(id, Buffer.from(endedEvent()));
      else this.#reportOnce(error);
    }
  }

  #end(id: string, last: Buffer): void {
    const readers = this.#watches.get(id)?.readers ?? [];
    this.#watches.delete(id);
    for (const reader of readers) reader.end(last);
  }

  /** Readers stay: what can't be looked at now is told of when it can be. */
  #reportOnce(error: unknown): void {
    if (!this.#isAway) this.#options.logger.warn({ err: error }, 'watched exports cannot be looked at');
    this.#isAway = true;
  }

  #beat(): void {
    for (const { readers } of this.#watches.values()) this.#tell(readers, HEARTBEAT);
  }

  #tell(readers: Iterable<ServerResponse>, bytes: Buffer): void {
    if (bytes.length === 0) return;
    for (const reader of readers) {
      if (reader.writableLength > this.#options.limits.streamBufferBytes) reader.destroy();
      else reader.write(bytes);
    }
  }
}
