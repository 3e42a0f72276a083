import type { RequestHandler } from 'express';

const DAY_SECONDS = 86_400;

/** Browsers ask for an icon by themselves, without a token. There is none, and asking again is no use for a day. */
export const favicon: RequestHandler = (req, res, next) => {
  const asks = req.method === 'GET' || req.method === 'HEAD';
  if (!asks || req.path !== '/favicon.ico') return next();
  res.status(204).set('Cache-Control', `public, max-age=${DAY_SECONDS}`).end();
};
