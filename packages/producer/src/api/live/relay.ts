import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Request, Response } from 'express';
import { requestIdOf } from '../problem/send-problem.ts';

/** Where a volume's own server is, and what it lets in. */
export interface VolumeServerAddress {
  host: string;
  port: number;
  token: string;
}

/** What callers say of the part of the archive that they want. */
const ASKED = ['range', 'if-match', 'if-none-match', 'if-range', 'cache-control', 'accept'];

/** What is said of the archive, or of a problem. */
const ANSWERED = [
  'accept-ranges',
  'cache-control',
  'content-disposition',
  'content-length',
  'content-range',
  'content-type',
  'etag',
  'retry-after',
];

/** A server in the same cluster takes milliseconds; one that is no more may never answer. */
const CONNECT_MS = 3_000;

/** Asks a volume's server what a caller asks; undefined where it can't be reached. */
export async function askVolumeServer(
  { host, port, token }: VolumeServerAddress,
  { req, signal }: { req: Request; signal: AbortSignal },
): Promise<IncomingMessage | undefined> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  for (const name of ASKED) if (req.get(name) !== undefined) headers[name] = String(req.get(name));
  const requestId = requestIdOf(req);
  if (requestId) headers['x-request-id'] = requestId;
  const asking = request({
    host,
    port,
    path: '/archive.tar',
    method: req.method,
    headers,
    agent: false,
    signal,
  });
  const giveUp = setTimeout(() => asking.destroy(new Error('no connection')), CONNECT_MS);
  asking.once('socket', (socket) => socket.once('connect', () => clearTimeout(giveUp)));
  asking.end();
  try {
    const [answer]: [IncomingMessage] = (await once(asking, 'response')) as [IncomingMessage];
    return answer;
  } catch {
    return undefined;
  } finally {
    clearTimeout(giveUp);
    // It goes on failing after the answer has begun, and says so there, too.
    asking.on('error', () => undefined);
  }
}

/**
 * Hands an answer on as it comes, as fast as the caller takes it. One that breaks off is broken off here too, with a
 * reset. Resolves when the caller's connection has no more to do with it.
 */
export async function relay(
  answer: IncomingMessage,
  { req, res }: { req: Request; res: Response },
): Promise<'sent' | 'left' | 'cut off'> {
  const ended = once(res, 'close');
  let end: 'sent' | 'left' | 'cut off' = 'left';
  answer.on('error', () => undefined);
  answer.once('close', () => {
    if (answer.complete || res.closed) return;
    end = 'cut off';
    req.socket.resetAndDestroy();
  });
  res.status(answer.statusCode ?? 502);
  for (const name of ANSWERED) {
    const value = answer.headers[name];
    if (value !== undefined) res.set(name, value);
  }
  answer.pipe(res);
  await ended;
  answer.destroy();
  return res.writableFinished ? 'sent' : end;
}
