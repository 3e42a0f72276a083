import {
  type ChangeExport,
  type CreateExportInput,
  DestinationList,
  ExportLinks,
  ExportList,
  ExportStatus,
  FileList,
  type NamedFile,
  type Phase,
  VolumeList,
} from '@longshore/shared';
import type { z } from 'zod';
import { networkFault, notAServer, refusalOf } from './faults.ts';
import type { ClientSettings } from './settings.ts';

/** The server gives up after 35 s, and says so. */
const PATIENCE_MS = 40_000;

/** What says that an export is being deleted; it has no body to be told by. */
const DELETING = 202;

export const ACTIONS = ['cancel', 'retry', 'suspend', 'resume'] as const;
export type Action = (typeof ACTIONS)[number];

export interface ListQuery {
  phase?: Phase;
  volume?: string;
  cursor?: string;
  limit?: number;
}

interface Asking {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  query?: object;
  body?: CreateExportInput | ChangeExport;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A file's bytes as they come, and what is said of the whole file. */
export interface FileContent {
  body: AsyncIterable<Uint8Array>;
  size: number;
  crc32: number;
  etag: string;
  /** How it differed from its plan when it was exported, where it did. */
  drift: string | null;
}

/**
 * A Longshore server, as this program asks it. Every answer is checked; what isn't one rejects with SERVER_UNREACHABLE,
 * SERVER_UNTRUSTED, NOT_A_SERVER, TOKEN_REFUSED, REQUEST_REFUSED or SERVER_FAILED.
 */
export class Client {
  readonly #server: URL;
  readonly #token: string | undefined;
  readonly #signal: AbortSignal | undefined;

  /** What it asks for ends with `signal`, and rejects with its reason. */
  constructor({ server, token }: ClientSettings, signal?: AbortSignal) {
    this.#server = server;
    this.#token = token;
    this.#signal = signal;
  }

  create(
    body: CreateExportInput,
    { idempotencyKey }: { idempotencyKey?: string } = {},
  ): Promise<ExportStatus> {
    const headers: Record<string, string> = idempotencyKey ? { 'idempotency-key': idempotencyKey } : {};
    return this.#json(ExportStatus, 'exports', { method: 'POST', body, headers });
  }

  get(id: string): Promise<ExportStatus> {
    return this.#json(ExportStatus, exportPath(id));
  }

  list(query: ListQuery): Promise<ExportList> {
    return this.#json(ExportList, 'exports', { query });
  }

  act(id: string, action: Action): Promise<ExportStatus> {
    return this.#json(ExportStatus, `${exportPath(id)}/${action}`, { method: 'POST' });
  }

  change(id: string, body: ChangeExport): Promise<ExportStatus> {
    return this.#json(ExportStatus, exportPath(id), { method: 'PATCH', body });
  }

  async delete(id: string): Promise<void> {
    const response = await this.#ask(exportPath(id), { method: 'DELETE' });
    await response.body?.cancel();
    if (response.status !== DELETING) throw notAServer(this.#server);
  }

  /**
   * Where the server itself gives the archive's bytes, which it does from a directory, and what it wants to see with
   * a request there. The headers have the token: they are for this address alone.
   */
  ownArchive(id: string): { url: URL; headers: Record<string, string> } {
    const url = new URL(`v1/${exportPath(id)}/archive`, this.#server);
    return { url, headers: this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` } };
  }

  links(id: string): Promise<ExportLinks> {
    return this.#json(ExportLinks, `${exportPath(id)}/links`);
  }

  /** A page of what is in an archive. */
  files(id: string, query: NamedFile & { cursor?: string; limit: number }): Promise<FileList> {
    return this.#json(FileList, `${exportPath(id)}/files`, { query });
  }

  /** A file of an archive, or the rest of it from a byte on, of the file that `etag` names. */
  async content(
    id: string,
    query: NamedFile,
    { from, signal }: { from?: { at: number; etag: string }; signal: AbortSignal },
  ): Promise<FileContent> {
    const identity = { accept: 'application/octet-stream', 'accept-encoding': 'identity' };
    const headers = { ...identity, ...(from && restHeaders(from)) };
    const response = await this.#ask(`${exportPath(id)}/files/content`, { query, headers, signal });
    const content = contentOf(response, from?.at);
    if (content) return content;
    await response.body?.cancel();
    throw notAServer(this.#server);
  }

  volumes(): Promise<z.infer<typeof VolumeList>> {
    return this.#json(VolumeList, 'volumes');
  }

  destinations(): Promise<z.infer<typeof DestinationList>> {
    return this.#json(DestinationList, 'destinations');
  }

  /** The export's event stream from now on, as it comes; undefined where there's nothing more to come. */
  async events(id: string, { lastEventId, signal }: { lastEventId?: string; signal: AbortSignal }) {
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (lastEventId) headers['last-event-id'] = lastEventId;
    const response = await this.#ask(`${exportPath(id)}/events`, { headers, signal });
    if (response.status === 204) return undefined;
    const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
    if (isStream && response.body) return response.body;
    throw notAServer(this.#server);
  }

  async #json<T extends z.ZodType>(schema: T, path: string, asking: Asking = {}): Promise<z.output<T>> {
    const response = await this.#ask(path, asking);
    const answer: unknown = await response.json().catch((cause: unknown) => {
      throw cause instanceof SyntaxError ? notAServer(this.#server, cause) : this.#failure(cause);
    });
    const parsed = schema.safeParse(answer);
    if (parsed.success) return parsed.data;
    throw notAServer(this.#server, parsed.error);
  }

  async #ask(path: string, asking: Asking): Promise<Response> {
    const url = new URL(`v1/${path}`, this.#server);
    for (const [name, value] of Object.entries(asking.query ?? {}))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const response = await fetch(url, this.#requestOf(asking)).catch((cause: unknown) => {
      throw this.#failure(cause);
    });
    if (response.ok) return response;
    throw await refusalOf(this.#server, response);
  }

  #requestOf({
    method = 'GET',
    body,
    headers,
    signal = AbortSignal.timeout(PATIENCE_MS),
  }: Asking): RequestInit {
    const all = new Headers({ accept: 'application/json', ...headers });
    if (this.#token !== undefined) all.set('authorization', `Bearer ${this.#token}`);
    if (body) all.set('content-type', 'application/json');
    return {
      method,
      headers: all,
      body: body && JSON.stringify(body),
      // The API never sends one; what does isn't it, and isn't to get the token.
      redirect: 'manual',
      signal: this.#signal ? AbortSignal.any([this.#signal, signal]) : signal,
    };
  }

  #failure(cause: unknown): unknown {
    return this.#signal?.aborted ? this.#signal.reason : networkFault(this.#server, cause);
  }
}

function exportPath(id: string): string {
  return `exports/${encodeURIComponent(id)}`;
}

function restHeaders({ at, etag }: { at: number; etag: string }): Record<string, string> {
  return { range: `bytes=${at}-`, 'if-match': etag };
}

/** What an answer has of a file from byte `at` on; undefined where it isn't a Longshore server's. */
function contentOf({ headers, body, status }: Response, at: number | undefined): FileContent | undefined {
  const etag = headers.get('etag');
  const crc32 = Number.parseInt(headers.get('longshore-crc32') ?? '', 16);
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '');
  const size = Number((at === undefined ? headers.get('content-length') : range?.[2]) ?? Number.NaN);
  const isAsked = at === undefined ? status === 200 : status === 206 && Number(range?.[1]) === at;
  if (!isAsked || etag === null || Number.isNaN(crc32) || Number.isNaN(size) || !body) return undefined;
  return { body, size, crc32, etag, drift: headers.get('longshore-drift') };
}
