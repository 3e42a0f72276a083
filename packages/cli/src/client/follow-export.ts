import { ExportStatus } from '@longshore/shared';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { CliError } from '../error.ts';
import { backOff, GIVE_UP_MS, isPassing } from './back-off.ts';
import type { Client } from './client.ts';

/** Heartbeats come every 15 s: a connection that is silent for longer than two is dead. */
const SILENCE_MS = 40_000;

export interface FollowExportOptions {
  client: Client;
  signal: AbortSignal;
  /** Told of a server that went away, once each time. */
  onAway?: (error: CliError) => void;
}

/** Every status of an export, from now to its end, through restarts of the server. EXPORT_GONE where it was deleted. */
export async function* followExport(id: string, options: FollowExportOptions): AsyncGenerator<ExportStatus> {
  const stream = new StatusStream(id, options);
  let heardAt: number | undefined;
  for (let failures = 0; ; failures++) {
    try {
      for await (const status of stream.statuses()) {
        heardAt = performance.now();
        failures = 0;
        yield status;
      }
      if (stream.hasEnded) return;
    } catch (error) {
      // One that never was there isn't coming back.
      if (heardAt === undefined || !isPassing(error) || performance.now() - heardAt > GIVE_UP_MS) throw error;
      if (failures === 0) options.onAway?.(error);
    }
    await backOff(failures, options.signal);
  }
}

/** The event stream of an export, which can be asked for again where it broke. */
class StatusStream {
  hasEnded = false;
  readonly #id: string;
  readonly #options: FollowExportOptions;
  #lastEventId: string | undefined;

  constructor(id: string, options: FollowExportOptions) {
    this.#id = id;
    this.#options = options;
  }

  /** One connection's worth. */
  async *statuses(): AsyncGenerator<ExportStatus> {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const signal = AbortSignal.any([this.#options.signal, silence.signal]);
    try {
      const body = await this.#options.client.events(this.#id, { lastEventId: this.#lastEventId, signal });
      if (!body) this.hasEnded = true;
      for await (const message of messagesOf(body ?? [], () => timer.refresh())) {
        const status = this.#hear(message);
        if (status) yield status;
      }
    } catch (error) {
      this.#options.signal.throwIfAborted();
      if (error instanceof CliError) throw error;
      throw new CliError('SERVER_UNREACHABLE', 'The connection to the server broke.', { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  #hear({ event, data, id }: EventSourceMessage): ExportStatus | undefined {
    this.#lastEventId = id ?? this.#lastEventId;
    if (event === 'status') return statusOf(data);
    if (event !== 'ended') return undefined;
    this.hasEnded = true;
    if (!data.includes('"phase"')) throw new CliError('EXPORT_GONE', `The export ${this.#id} was deleted.`);
  }
}

function statusOf(data: string): ExportStatus {
  try {
    return ExportStatus.parse(JSON.parse(data));
  } catch (cause) {
    const message = "The server's events aren't those of a Longshore server of this version.";
    throw new CliError('NOT_A_SERVER', message, { cause });
  }
}

async function* messagesOf(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<EventSourceMessage> {
  const messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => messages.push(message) });
  const decoder = new TextDecoder();
  for await (const bytes of body) {
    onBytes();
    parser.feed(decoder.decode(bytes, { stream: true }));
    yield* messages.splice(0);
  }
}
