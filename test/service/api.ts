import { setTimeout as delay } from 'node:timers/promises';
import {
  type CreateExportInput,
  type ExportStatus,
  type Phase,
  type Problem,
  TERMINAL_PHASES,
} from '@longshore/shared';
import { EventSourceParserStream } from 'eventsource-parser/stream';

const LOOK_AGAIN_MS = 25;

export type Action = 'cancel' | 'retry' | 'suspend' | 'resume';

export interface Answer<T> {
  status: number;
  body: T;
}

/** The HTTP API as any program would call it, without Longshore's own client. */
export class Api {
  readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  async isReady(): Promise<boolean> {
    return fetch(`${this.url}/readyz`).then(
      async (response) => {
        await response.body?.cancel();
        return response.ok;
      },
      () => false,
    );
  }

  /** `POST /v1/exports`, whatever comes of it. */
  post(
    request: CreateExportInput,
    headers: Record<string, string> = {},
  ): Promise<Answer<ExportStatus & Problem>> {
    return this.#call('/v1/exports', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(request),
    });
  }

  /** The same, where it's to be accepted; gives the export's id. */
  async create(request: CreateExportInput): Promise<string> {
    return expected(201, await this.post(request)).id;
  }

  async get(id: string): Promise<ExportStatus> {
    return expected(200, await this.#call<ExportStatus>(`/v1/exports/${id}`));
  }

  async list(): Promise<ExportStatus[]> {
    return expected(200, await this.#call<{ exports: ExportStatus[] }>('/v1/exports?limit=200')).exports;
  }

  async act(id: string, action: Action): Promise<ExportStatus> {
    return expected(202, await this.#call<ExportStatus>(`/v1/exports/${id}/${action}`, { method: 'POST' }));
  }

  async archiveLink(id: string): Promise<string> {
    return expected(200, await this.#call<{ archive: string }>(`/v1/exports/${id}/links`)).archive;
  }

  /** Every status that the export's events tell of, to its end or the server's. */
  async *statuses(id: string): AsyncGenerator<ExportStatus> {
    const { body } = await fetch(`${this.url}/v1/exports/${id}/events`);
    if (!body) throw new Error(`the export ${id} has no events`);
    const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const { event, data } of events) if (event === 'status') yield JSON.parse(data);
  }

  /** Waits until an export fulfils `test`; one that ends before is an error. */
  async until(id: string, test: (status: ExportStatus) => boolean): Promise<ExportStatus> {
    for (;;) {
      const status = await this.get(id);
      if (test(status)) return status;
      if (TERMINAL_PHASES.has(status.phase)) throw new Error(`the export ended: ${JSON.stringify(status)}`);
      await delay(LOOK_AGAIN_MS);
    }
  }

  untilPhase(id: string, wanted: Phase): Promise<ExportStatus> {
    return this.until(id, ({ phase }) => phase === wanted);
  }

  async #call<T>(path: string, init?: RequestInit): Promise<Answer<T>> {
    const response = await fetch(this.url + path, init);
    const body = (await response.json()) as T;
    return { status: response.status, body };
  }
}

function expected<T>(status: number, answer: Answer<T>): T {
  if (answer.status === status) return answer.body;
  throw new Error(`expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
}
