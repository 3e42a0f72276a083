import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request as requestHttp,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that came by, and what of its answer was passed on. */
export interface Passed {
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingMessage['headers'];
  /** Undefined until there's an answer. */
  status: number | undefined;
  /** Bytes of the answer's body that were handed to the connection. */
  bytes: number;
}

/** What a proxy does to an answer besides passing it on. */
export interface Faults {
  /** Answers instead of the server. */
  answer?: (request: Passed, response: ServerResponse) => boolean;
  /** What is asked of the server instead of a request's own path and query. */
  path?: (request: Passed) => string;
  /** Waited for before a piece is passed on. */
  hold?: (passed: Passed) => Promise<void> | undefined;
  /** Sees a piece of a body, and gives what is passed on instead. */
  change?: (piece: Buffer, passed: Passed) => Buffer;
  /** Whether the connection is cut now, after a piece. */
  cuts?: (passed: Passed) => boolean;
}

export interface ProxiedServer {
  /** Its port on this machine. */
  port: () => number;
  /** Whether it sees the Host of the proxy: signatures are made over that. Others look for their own. */
  sees: 'own host' | 'host of the proxy';
}

/** An HTTP proxy on the loopback interface in front of a server, which may be away. It damages answers as it's told. */
export class FaultProxy implements AsyncDisposable {
  /** Every request, in the order in which they came. */
  readonly passed: Passed[] = [];
  faults: Faults = {};
  readonly #server: Server;
  readonly #upstream: ProxiedServer;

  static async start(upstream: ProxiedServer): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(upstream: ProxiedServer) {
    this.#upstream = upstream;
    this.#server = createServer((request, response) => this.#pass(request, response));
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}`;
  }

  /** Forgets what was, and passes everything on from now. */
  reset(): void {
    this.passed.length = 0;
    this.faults = {};
  }

  /** Ranges that were answered, by where they begin, and what of them was passed on. */
  ranges(): { start: number; bytes: number }[] {
    return this.passed
      .filter(({ status }) => status === 206)
      .map((passed) => ({ start: startOf(passed), bytes: passed.bytes }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url: path = '', headers } = request;
    const passed: Passed = { method, path, headers, status: undefined, bytes: 0 };
    this.passed.push(passed);
    // What breaks on one side is broken on the other one too.
    const breakOff = () => response.socket?.destroy();
    response.on('error', breakOff);
    if (this.faults.answer?.(passed, response)) return;
    const asked = this.faults.path?.(passed) ?? path;
    const onward = requestHttp({ ...this.#onward(headers), method, path: asked });
    onward.on('error', breakOff);
    response.once('close', () => onward.destroy());
    onward.once('response', (answer) => {
      answer.on('error', breakOff);
      passed.status = answer.statusCode;
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      this.#relay(answer, { passed, response }).catch(breakOff);
    });
    request.pipe(onward);
  }

  #onward(headers: IncomingMessage['headers']) {
    const host = '127.0.0.1';
    const port = this.#upstream.port();
    const own = this.#upstream.sees === 'own host' && { host: `${host}:${port}` };
    return { host, port, headers: { ...headers, ...own } };
  }

  async #relay(
    answer: IncomingMessage,
    { passed, response }: { passed: Passed; response: ServerResponse },
  ): Promise<void> {
    for await (const piece of answer) {
      await this.faults.hold?.(passed);
      const given = this.faults.change?.(piece, passed) ?? piece;
      // Counted when it is with the connection, which is cut with an end: the client gets it all.
      await new Promise<void>((resolve, reject) =>
        response.write(given, (error) => (error ? reject(error) : resolve())),
      );
      passed.bytes += given.length;
      if (!this.faults.cuts?.(passed)) continue;
      response.socket?.destroy();
      return;
    }
    response.end();
  }
}

/** Where the range begins that is asked for; NaN where none is. */
export function startOf({ headers }: Passed): number {
  return Number(/^bytes=(\d+)/.exec(headers.range ?? '')?.[1] ?? Number.NaN);
}
