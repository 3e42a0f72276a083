import { randomInt } from 'node:crypto';
import type { Request, Response } from 'express';
import { ProducerError } from '../../error.ts';
import { endWithToken } from './end-with-token.ts';
import { sawTheEnd } from './state.ts';
import type { Watcher } from './watcher.ts';

/** A reader who lost its stream waits so long, each differently: those of a server that goes down don't come as one. */
const RETRY_MS = { min: 1_000, max: 5_000 };

export interface Stream {
  id: string;
  watcher: Watcher;
  /** How many streams there may be. */
  limit: number;
}

/** Answers with the export's events, from how it is now to its end. */
export async function sendEvents(
  { id, watcher, limit }: Stream,
  { req, res }: { req: Request; res: Response },
): Promise<void> {
  const state = await watcher.look(id);
  // 204 is what makes an EventSource stay away (HTML, "Server-sent events", processing model).
  if (state.hasEnded && sawTheEnd(req.get('last-event-id'))) return void res.status(204).end();
  if (watcher.isClosed) throw new ProducerError('NOT_READY', 'The server is shutting down.');
  if (watcher.readers >= limit) throw tooMany(res);
  begin(res);
  if (req.method === 'HEAD') return void res.end();
  res.write(`retry: ${randomInt(RETRY_MS.min, RETRY_MS.max)}\n\n`);
  res.write(state.whole);
  if (state.hasEnded) return void res.end();
  watcher.add(id, { state, reader: res });
  endWithToken(req, res);
}

function begin(res: Response): void {
  res.status(200).set({
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // nginx would keep events until it has a few kilobytes of them.
    'X-Accel-Buffering': 'no',
  });
  res.flushHeaders();
}

function tooMany(res: Response): ProducerError {
  res.set('Retry-After', '30');
  return new ProducerError(
    'TOO_MANY_STREAMS',
    'This server has as many event streams as it takes: ask for the status instead.',
  );
}
