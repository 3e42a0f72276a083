import type { Response } from 'express';

/** A signal that is aborted when the connection of a response ends, and no listener once it's disposed of. */
export function whileConnected(res: Response): Disposable & { signal: AbortSignal } {
  const ended = new AbortController();
  const abort = () => ended.abort();
  if (res.closed) abort();
  res.once('close', abort);
  return { signal: ended.signal, [Symbol.dispose]: () => void res.off('close', abort) };
}
