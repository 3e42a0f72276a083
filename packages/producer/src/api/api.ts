import { tmpdir } from 'node:os';
import express, { type Express } from 'express';
import { Browser } from '../browse/browser.ts';
import { ProducerError } from '../error.ts';
import { Metrics } from '../metrics/metrics.ts';
import { authenticate } from './auth/authenticate.ts';
import { guardHost } from './auth/guard-host.ts';
import { guardOrigin } from './auth/guard-origin.ts';
import type { ApiContext } from './context.ts';
import { Watcher } from './events/watcher.ts';
import { favicon } from './favicon.ts';
import { Readiness } from './health/readiness.ts';
import { API_LIMITS, type ApiOptions } from './options.ts';
import { sendProblem } from './problem/send-problem.ts';
import { BOARD_PATH, queueBoard } from './queues/board.ts';
import { rateLimits } from './rate-limits.ts';
import { requestLog } from './request-log.ts';
import { type RouterOptions, routerOf } from './router.ts';
import { type RouteTable, routeTable } from './routes/table.ts';
import { securityHeaders } from './security-headers.ts';

/** The HTTP API as an express application, without a server. */
export interface Api extends AsyncDisposable {
  app: Express;
  routes: RouteTable;
  /** Ends event streams, and says from now on that it isn't ready. Requests under way are the server's. */
  close(): Promise<void>;
}

/** Puts the API together. Whoever has it closes it; the producer stays its owner's. */
export function createApi(options: ApiOptions): Api {
  const context = contextOf(options);
  const routes = routeTable(context);
  const close = async () => {
    context.readiness.close();
    context.watcher.close();
    await context.browser[Symbol.asyncDispose]();
  };
  const { queue, reconciler } = context.producer;
  const board = queueBoard([queue, reconciler.queue]);
  return { app: appOf(options, { context, routes, board }), routes, close, [Symbol.asyncDispose]: close };
}

function contextOf({
  producer,
  logger,
  publicUrl,
  live,
  metricsAccess = 'token',
  cacheFolder = tmpdir(),
  ...options
}: ApiOptions): ApiContext {
  const limits = { ...API_LIMITS, ...options.limits };
  const { exports, records, queue, redis } = producer;
  const watcher = new Watcher({ exports, limits, logger });
  const streams = () => watcher.readers;
  const { indexCacheBytes: maxBytes, fileReads: maxReads } = limits;
  return {
    ...{ producer, limits, publicUrl, live, metricsAccess, watcher },
    browser: new Browser({ exports, folder: cacheFolder, maxBytes, maxReads }),
    readiness: new Readiness({ redis, queue, ms: limits.readinessMs }),
    metrics: new Metrics({ exports, records, queue, redis, streams, redisMs: limits.readinessMs }),
  };
}

interface Assembly {
  context: ApiContext;
  routes: RouteTable;
  board: express.Router;
}

/** The order is the policy: what refuses a request comes before what reads it. */
function appOf(options: ApiOptions, { context, routes, board }: Assembly): Express {
  const { tokens, logger, publicUrl } = options;
  const limits = rateLimits(context.limits, logger);
  const serving: RouterOptions = { limits: context.limits, observe: observerOf(context.metrics) };
  const app = bareApp(options);
  app.use(requestLog(logger), securityHeaders);
  if (!tokens) app.use(guardHost);
  app.use(guardOrigin({ publicUrl }));
  app.use(favicon, routerOf(routes.open, serving));
  app.use(authenticate({ tokens, countFailure: limits.failures }), limits.requests);
  app.use(BOARD_PATH, board);
  app.use(routerOf(routes.closed, serving));
  app.use((req) => {
    throw new ProducerError(
      'NO_SUCH_ROUTE',
      `There is nothing at ${req.path.slice(0, 100)}: /v1/openapi.json lists what there is.`,
    );
  });
  app.use(sendProblem);
  return app;
}

function bareApp({ trustedProxies }: ApiOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', 'simple');
  app.set('trust proxy', trustedProxies ?? false);
  return app;
}

/** Streams and downloads last as long as the caller's line is slow: their durations say nothing. */
function observerOf(metrics: Metrics): RouterOptions['observe'] {
  return ({ method, path, lasts }, { status, seconds }) => {
    if (!lasts) metrics.observe({ method, route: path, status }, seconds);
  };
}
