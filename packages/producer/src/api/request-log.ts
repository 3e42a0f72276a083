import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import { pinoHttp } from 'pino-http';
import { problemOf } from './problem/problem-of.ts';

/** A caller's or a proxy's own id is taken over where it can't do harm in a log. */
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Query parameters whose values say nothing secret. Others may be a token in the wrong place, or part of a signed link. */
const SHOWN_PARAMETERS: ReadonlySet<string> = new Set(['phase', 'volume', 'limit']);

const MAX_PATH = 300;

/** Asked every few seconds, for ever, by machines: worth a line only when they fail. */
const PROBES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

/** One line a request, with an id that is in its answer too. No headers and no bodies are logged: they hold secrets. */
export function requestLog(logger: Logger): RequestHandler {
  return pinoHttp({
    logger,
    genReqId: takeId,
    customLogLevel: levelOf,
    // Of their own making: pino's would list an error's properties, and a Redis error's are the command's arguments.
    serializers: { req: requestOf, res: answerOf, err: errorOf },
    wrapSerializers: false,
  });
}

function takeId(req: IncomingMessage, res: ServerResponse): string {
  const given = req.headers['x-request-id'];
  const id = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
  res.setHeader('X-Request-Id', id);
  return id;
}

function levelOf(req: IncomingMessage, res: ServerResponse, error?: Error): 'error' | 'info' | 'silent' {
  // A shutdown or a Redis that is away is said elsewhere, once.
  if (res.statusCode === 503) return 'info';
  if (error || res.err || res.statusCode >= 500) return 'error';
  return PROBES.has(pathOf(req).split('?')[0]) ? 'silent' : 'info';
}

const pathOf = (req: IncomingMessage & { originalUrl?: string }) => req.originalUrl ?? req.url ?? '';

function requestOf(req: IncomingMessage & { originalUrl?: string }) {
  return {
    id: req.id,
    method: req.method,
    url: withoutSecrets(pathOf(req)),
    from: req.socket?.remoteAddress,
  };
}

function answerOf(res: ServerResponse) {
  return { status: res.statusCode };
}

/** The path, and the names of its parameters. */
export function withoutSecrets(url: string): string {
  const [path, query] = url.split('?', 2);
  const shown = path.slice(0, MAX_PATH);
  if (query === undefined) return shown;
  const parameters = [...new URLSearchParams(query)].map(([name, value]) =>
    SHOWN_PARAMETERS.has(name) ? `${name}=${encodeURIComponent(value)}` : `${encodeURIComponent(name)}=…`,
  );
  return `${shown}?${parameters.join('&')}`.slice(0, 2 * MAX_PATH);
}

const MAX_CAUSES = 5;

interface LoggedError {
  type: string;
  code: string;
  message: string;
  stack: string | undefined;
  cause?: LoggedError;
}

/** An error's name, words and stack; of what it carries, only its causes. */
export function errorOf(error: unknown, depth = 0): LoggedError | undefined {
  if (!(error instanceof Error)) return undefined;
  const cause = depth < MAX_CAUSES ? errorOf(error.cause, depth + 1) : undefined;
  const { code } = problemOf(error, undefined);
  return { type: error.name, code, message: error.message, stack: error.stack, ...(cause && { cause }) };
}
