import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';

export interface ServerEvent {
  id: string;
  event: string;
  data: unknown;
}

/** Reads server-sent events as a program does that was told of nothing but the format. */
export class EventReader implements Disposable {
  readonly answer: IncomingMessage;
  readonly #request: ClientRequest;
  readonly #chunks: AsyncIterator<string>;
  readonly #read: ServerEvent[] = [];
  #text = '';

  private constructor(request: ClientRequest, answer: IncomingMessage) {
    this.#request = request;
    this.answer = answer;
    answer.setEncoding('utf8');
    this.#chunks = answer[Symbol.asyncIterator]();
  }

  static async open(url: URL, headers: Record<string, string> = {}): Promise<EventReader> {
    const request = get(url, { headers, agent: false });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    return new EventReader(request, answer);
  }

  /** Events as they come, each once; comments are left out. Ends with the stream. */
  async *events(): AsyncGenerator<ServerEvent> {
    for (;;) {
      for (let event = this.#read.shift(); event; event = this.#read.shift()) yield event;
      const { value, done } = await this.#chunks.next();
      if (done) return;
      this.#take(value);
    }
  }

  #take(chunk: string): void {
    const blocks = (this.#text + chunk).split('\n\n');
    this.#text = blocks.pop() ?? '';
    this.#read.push(...blocks.flatMap((block) => parse(block) ?? []));
  }

  /** The next event of this name that is as wanted. */
  async next(
    name: string,
    wanted: (data: Record<string, unknown>) => boolean = () => true,
  ): Promise<ServerEvent> {
    for await (const event of this.events())
      if (event.event === name && wanted(event.data as Record<string, unknown>)) return event;
    throw new Error(`the stream ended before ${name}`);
  }

  /** Waits for a comment, with which the server shows that it's alive. */
  async sign(): Promise<void> {
    for (;;) {
      const { value, done } = await this.#chunks.next();
      if (done) throw new Error('the stream ended without a sign of life');
      if (value.startsWith(': alive\n\n')) return;
      this.#take(value);
    }
  }

  [Symbol.dispose](): void {
    this.#request.destroy();
  }
}

function parse(block: string): ServerEvent | undefined {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return fields.event ? { id: fields.id, event: fields.event, data: JSON.parse(fields.data) } : undefined;
}
