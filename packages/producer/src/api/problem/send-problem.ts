import type { ErrorRequestHandler, Request, Response } from 'express';
import { problemOf } from './problem-of.ts';

/** Answers an error with its problem document, and gives what isn't the caller's fault to the log. */
export const sendProblem: ErrorRequestHandler = (error, req: Request, res: Response, _next) => {
  const problem = problemOf(error, requestIdOf(req));
  // pino-http logs it with the request.
  if (problem.status >= 500 && error instanceof Error) res.err = error;
  // What has begun can't become a problem any more: the connection ends, so that nobody takes it for whole.
  if (res.headersSent) return void res.destroy();
  res.removeHeader('Content-Disposition');
  res.status(problem.status).set('Cache-Control', 'no-store').type('application/problem+json');
  res.send(JSON.stringify(problem));
};

export function requestIdOf(req: Request): string | undefined {
  return typeof req.id === 'string' ? req.id : undefined;
}
