import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import { beginAnswer, type Described, type Exchange, whatIsAsked } from './answer.ts';
import type { ByteRange } from './byte-range.ts';

export interface Ranged extends Described {
  /** The bytes, or those of a range. */
  open(range: ByteRange | undefined): Promise<Readable>;
}

/** Answers GET and HEAD, whole or with one range, under the conditions that the request names. */
export async function sendRanged({ open, ...described }: Ranged, exchange: Exchange): Promise<void> {
  const asked = whatIsAsked(described, exchange);
  if (!asked) return;
  // Whatever is wrong with the first bytes can be said as long as nothing is sent.
  const source = exchange.req.method === 'HEAD' ? undefined : await open(asked.range);
  beginAnswer(asked, exchange);
  if (source) await pour(source, exchange.res);
}

/** A source that fails ends the connection, so that nothing passes for whole. */
async function pour(source: Readable, res: Response): Promise<void> {
  try {
    await pipeline(source, res);
  } catch (error) {
    if (!isDeparture(error)) throw error;
  }
}

/** A reader that goes away is no error. */
export function isDeparture(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}
