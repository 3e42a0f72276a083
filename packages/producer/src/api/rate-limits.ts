import type { Request, RequestHandler } from 'express';
import { ipKeyGenerator, rateLimit } from 'express-rate-limit';
import type { Logger } from 'pino';
import { ProducerError } from '../error.ts';
import { knownCallerOf } from './auth/caller.ts';
import type { ApiLimits } from './options.ts';

const MINUTE_MS = 60_000;

export interface RateLimits {
  /** Every request of a caller. */
  requests: RequestHandler;
  /** Those that weren't let in. A good token is always let in, whatever others behind the same address do. */
  failures: RequestHandler;
}

/** Counted by this process alone, in memory: with several producers a caller has as much of each. */
export function rateLimits(limits: ApiLimits, logger: Logger): RateLimits {
  return {
    requests: limiter('requests', limits.requestsPerMinute, logger),
    failures: limiter('failures', limits.failuresPerMinute, logger),
  };
}

function limiter(identifier: string, limit: number, logger: Logger): RequestHandler {
  return rateLimit({
    identifier,
    limit,
    windowMs: MINUTE_MS,
    keyGenerator,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    // Its checks are for those who set it up, and report to the console.
    validate: false,
    logger: {
      error: (error, message) => logger.error({ err: error }, message),
      warn: (error, message) => logger.warn({ err: error }, message),
    },
    handler: (_req, _res, next) =>
      next(
        new ProducerError(
          'TOO_MANY_REQUESTS',
          `More than ${limit} ${identifier} a minute are too many: wait a while.`,
        ),
      ),
  });
}

function keyGenerator(req: Request): string {
  const caller = knownCallerOf(req);
  return caller && caller.name !== 'local' ? `token ${caller.name}` : ipKeyGenerator(req.ip ?? 'unknown');
}
