import type { ApiContext } from '../context.ts';
import { documentOf } from '../openapi.ts';
import { type Route, route } from '../route.ts';
import { eventsRoute } from './events.ts';
import { exportRoutes } from './exports.ts';
import { fileRoutes } from './files.ts';
import { liveRoutes } from './live.ts';
import { publishedRoutes } from './published.ts';
import { openRoutes, serviceRoutes } from './service.ts';

/** Every route there is: the server serves these, and its document describes these. */
export interface RouteTable {
  /** Served before anyone is asked for a token. */
  open: readonly Route[];
  closed: readonly Route[];
}

export function routeTable(context: ApiContext): RouteTable {
  const open = openRoutes(context);
  const closed = [
    ...exportRoutes(context),
    eventsRoute(context),
    ...publishedRoutes(context),
    ...fileRoutes(context),
    ...liveRoutes(context),
    ...serviceRoutes(context),
  ];
  return { open, closed: [...closed, documentRoute(() => [...open, ...closed])] };
}

/** The document is made when it's first asked for, which takes some 60 ms, and stays the same. */
function documentRoute(others: () => Route[]): Route {
  let document: ReturnType<typeof documentOf> | undefined;
  const self: Route = route({
    method: 'get',
    path: '/v1/openapi.json',
    access: 'viewer',
    summary: 'This document',
    answers: { 200: { description: 'OpenAPI 3.1', type: 'application/json' } },
    problems: [],
    handle: () => {
      document ??= documentOf([...others(), self]);
      return { status: 200, json: document };
    },
  });
  return self;
}
