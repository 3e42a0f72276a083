import express, { type Request, type RequestHandler, Router } from 'express';
import { ProducerError } from '../error.ts';
import { expectRole } from './auth/caller.ts';
import type { ApiLimits } from './options.ts';
import type { Access, Answer, Route } from './route.ts';
import { withinTime } from './within-time.ts';

export interface RouterOptions {
  limits: ApiLimits;
  /** Told of every answered request. */
  observe: (route: Route, outcome: { status: number; seconds: number }) => void;
}

/** Serves the routes of a table, and refuses other methods of their paths. */
export function routerOf(routes: readonly Route[], options: RouterOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  for (const [path, group] of Map.groupBy(routes, (each) => each.path)) {
    const served = router.route(path.replaceAll(/\{(\w+)\}/g, ':$1'));
    for (const each of group) served[each.method](...handlersOf(each, options));
    served.all(refuseMethod(group));
  }
  return router;
}

function handlersOf(route: Route, options: RouterOptions): RequestHandler[] {
  const json = express.json({ limit: options.limits.bodyBytes, strict: true });
  return [
    observing(route, options),
    requiring(route.access),
    accepting(route),
    ...(route.body ? [expectJson, json] : []),
    answering(route, options.limits),
  ];
}

function observing(route: Route, { observe }: RouterOptions): RequestHandler {
  return (_req, res, next) => {
    const begin = performance.now();
    res.once('close', () =>
      observe(route, { status: res.statusCode, seconds: (performance.now() - begin) / 1_000 }),
    );
    next();
  };
}

function requiring(access: Access): RequestHandler {
  return (req, _res, next) => {
    if (access !== 'anyone') expectRole(req, access);
    next();
  };
}

/** Content negotiation, where a route has bodies at all: one of its types must be welcome. */
function accepting({ answers }: Route): RequestHandler {
  const types = Object.values(answers).flatMap(({ json, type }) => type ?? (json ? 'application/json' : []));
  return (req, _res, next) => {
    if (types.length === 0 || req.accepts(types)) return next();
    throw new ProducerError('NOT_ACCEPTABLE', `This comes as ${types.join(' or ')} only.`);
  };
}

const expectJson: RequestHandler = (req, _res, next) => {
  if (req.is('application/json') !== false) return next();
  throw new ProducerError('UNSUPPORTED_BODY', 'The body must be application/json.');
};

function answering(route: Route, limits: ApiLimits): RequestHandler {
  return async (req, res) => {
    const work = route.run(req, res);
    const answer = await (route.lasts ? work : inTime(work, limits.answerMs));
    if (answer) send(answer, { req, res });
  };
}

function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const message = `There was no answer within ${ms / 1_000} s, and what was asked for may still happen: look, before you try again.`;
  return withinTime(work, { ms, code: 'TOO_SLOW', message });
}

function send(
  { status, json, headers = {} }: Answer,
  { res }: { req: Request; res: Parameters<RequestHandler>[1] },
): void {
  res.status(status).set({ 'Cache-Control': 'no-store', ...headers });
  if (json === undefined) res.end();
  else res.json(json);
}

/** HEAD is served wherever GET is. */
function refuseMethod(group: readonly Route[]): RequestHandler {
  const methods = new Set(group.map(({ method }) => method.toUpperCase()));
  if (methods.has('GET')) methods.add('HEAD');
  const allowed = [...methods].sort().join(', ');
  return (req, res) => {
    res.set('Allow', allowed);
    throw new ProducerError('METHOD_NOT_ALLOWED', `${req.method} isn't for this: it takes ${allowed}.`);
  };
}
