import { create as contentDisposition } from 'content-disposition';
import type { Request, Response } from 'express';
import { ProducerError } from '../../error.ts';
import { type ByteRange, byteRange } from './byte-range.ts';
import { rangeApplies, weigh } from './preconditions.ts';

/** Bytes of a known number that stay the same under one ETag. */
export interface Described {
  bytes: number;
  /** Strong, without quotes. */
  etag: string;
  /** What a browser is to call it, whatever is in it. */
  name: string;
  /** Its media type. */
  type: string;
  headers?: Readonly<Record<string, string>>;
}

export interface Exchange {
  req: Request;
  res: Response;
}

/** What is to be sent, of how many bytes. */
export interface Asked {
  range: ByteRange | undefined;
  bytes: number;
}

/**
 * What of it a GET or HEAD asks for; undefined where the answer is complete without, which is sent then. Throws
 * PRECONDITION_FAILED and RANGE_NOT_SATISFIABLE.
 */
export function whatIsAsked(described: Described, { req, res }: Exchange): Asked | undefined {
  const { bytes } = described;
  const etag = `"${described.etag}"`;
  describe({ ...described, etag }, res);
  const verdict = weigh(req.headers, etag);
  if (verdict === 'failed') throw new ProducerError('PRECONDITION_FAILED', `Its ETag is ${etag}.`);
  if (verdict === 'not modified') return void res.status(304).end();
  const range = rangeOf(req, bytes, etag);
  if (range === 'unsatisfiable') throw unsatisfiable(res, bytes);
  return { range, bytes };
}

/** The status and the headers of the range; nothing is sent yet, but for HEAD, which is complete with it. */
export function beginAnswer({ range, bytes }: Asked, { req, res }: Exchange): void {
  const { start, end } = range ?? { start: 0, end: bytes };
  if (range) res.set('Content-Range', `bytes ${start}-${end - 1}/${bytes}`);
  res.status(range ? 206 : 200).set('Content-Length', String(end - start));
  if (req.method === 'HEAD') res.end();
}

/** The headers that go with any answer. */
function describe({ etag, name, type, headers }: Described, res: Response): void {
  res.set({
    'Accept-Ranges': 'bytes',
    ETag: etag,
    'Cache-Control': 'private, no-cache',
    'Content-Disposition': contentDisposition(name),
    'Content-Type': type,
    ...headers,
  });
}

/** Ranges are defined for GET alone (RFC 9110, section 14.2). */
function rangeOf(req: Request, bytes: number, etag: string): ByteRange | 'unsatisfiable' | undefined {
  const header = req.get('range');
  if (req.method !== 'GET' || header === undefined || !rangeApplies(req.headers, etag)) return undefined;
  return byteRange(header, bytes);
}

function unsatisfiable(res: Response, bytes: number): ProducerError {
  res.set('Content-Range', `bytes */${bytes}`);
  return new ProducerError('RANGE_NOT_SATISFIABLE', `It has ${bytes} bytes, and none of those asked for.`);
}
