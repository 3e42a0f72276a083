import type { Request, RequestHandler } from 'express';
import { ProducerError } from '../../error.ts';

const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(?::(\d+))?$/i;

/**
 * On a server without tokens the Host must be this machine's own. A page from elsewhere whose name was made to
 * resolve to 127.0.0.1 (DNS rebinding) is same-origin to its browser, and only its Host gives it away.
 */
export const guardHost: RequestHandler = (req, _res, next) => {
  if (isLocal(req)) return next();
  throw new ProducerError(
    'FOREIGN_HOST',
    `This server is for this machine only: ask for localhost:${req.socket.localPort}, not for another host.`,
  );
};

function isLocal(req: Request): boolean {
  const match = LOCAL_HOST.exec(req.get('host') ?? '');
  return match !== null && Number(match[2] ?? 80) === req.socket.localPort;
}
