import type { Request, Response } from 'express';
import { ProducerError, type ProducerErrorCode } from '../../error.ts';
import type { PlanWish } from '../../live/choose-plan.ts';
import type { LiveVolumes } from '../../live/live-volumes.ts';
import { archiveBytes } from '../../live/plan.ts';
import type { HeldPlan } from '../../live/plan-shelf.ts';
import { beginAnswer, type Exchange, whatIsAsked } from '../ranged/answer.ts';
import { type ByteRange, byteRange } from '../ranged/byte-range.ts';
import { resumedFrom } from '../ranged/preconditions.ts';

/** Answers GET and HEAD with the live volume's archive, whole or one range, rendered while it's sent. */
export async function sendLive(live: LiveVolumes, volume: string, { req, res }: Exchange): Promise<void> {
  const over = new AbortController();
  res.once('close', () => over.abort());
  using held = await inTime(live, res, () => live.plan(volume, wishOf(req)));
  const { plan } = held;
  const bytes = archiveBytes(plan);
  const described = { etag: plan.etag, bytes, name: `${volume}.tar`, type: 'application/x-tar' };
  const asked = over.signal.aborted ? undefined : whatIsAsked(described, { req, res });
  if (!asked) return;
  beginAnswer(asked, { req, res });
  if (req.method === 'HEAD') return;
  const range = asked.range ?? { start: 0, end: bytes };
  try {
    await inTime(live, res, () => pour(live, held, { range, res, signal: over.signal }));
  } catch (error) {
    giveUp(error, { req, res });
  }
}

/** A first range is no different from the whole: the rest will follow. */
function wishOf(req: Request): PlanWish {
  const range = byteRange(req.get('range') ?? '', Number.MAX_SAFE_INTEGER);
  return {
    etags: resumedFrom(req.headers),
    from: range === undefined || (range !== 'unsatisfiable' && range.start === 0) ? 'start' : 'middle',
    anew: /\bno-cache\b/i.test(req.get('cache-control') ?? ''),
  };
}

/** What a caller may well have another time. */
const LATER: ReadonlySet<ProducerErrorCode> = new Set(['PLANNING', 'TOO_MANY_TRANSFERS']);

async function inTime<T>({ limits }: LiveVolumes, res: Response, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ProducerError && LATER.has(error.code) && !res.headersSent)
      res.set('Retry-After', String(limits.retrySeconds));
    throw error;
  }
}

interface Pouring {
  range: ByteRange;
  res: Response;
  signal: AbortSignal;
}

async function pour(live: LiveVolumes, held: HeldPlan, { range, res, signal }: Pouring): Promise<void> {
  using transfer = live.begin();
  for await (const piece of live.read(held, { transfer, range, signal })) {
    if (!res.headersSent) res.setTimeout(live.limits.stalledMs, () => res.destroy());
    await write(piece, { res, signal });
  }
  res.end();
}

/** Resolves when the system has taken the piece, whose memory is used again then. */
function write(piece: Uint8Array, { res, signal }: Omit<Pouring, 'range'>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const leave = () => reject(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  res.write(piece, (error) => (error ? reject(error) : resolve()));
  return promise.finally(() => signal.removeEventListener('abort', leave));
}

const OF_THE_ARCHIVE = ['Accept-Ranges', 'Content-Length', 'Content-Range', 'ETag'];

/**
 * A reader that goes away is no error. What has begun can't become a problem any more: it ends with a reset, which
 * nobody takes for the end.
 */
function giveUp(error: unknown, { req, res }: Exchange): void {
  if (res.closed) return;
  if (res.headersSent) {
    res.err = error instanceof Error ? error : new Error(String(error));
    req.socket.resetAndDestroy();
    return;
  }
  for (const name of OF_THE_ARCHIVE) res.removeHeader(name);
  throw error;
}
