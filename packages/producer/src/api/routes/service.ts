import { DestinationList, VolumeList } from '@longshore/shared';
import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { type Route, route } from '../route.ts';

const Fine = z.object({ status: z.literal('ok') });
const FINE = { status: 200, json: { status: 'ok' } };

/**
 * What doesn't take a token. Health and readiness say nothing but yes or no, and those who ask (kubelet, Docker, load
 * balancers) have no place for a secret.
 */
export function openRoutes({ readiness, metricsAccess, ...context }: ApiContext): Route[] {
  return [
    route({
      method: 'get',
      path: '/healthz',
      access: 'anyone',
      summary: 'Whether the process is alive',
      answers: { 200: { description: 'It is', json: Fine } },
      problems: [],
      handle: () => FINE,
    }),
    route({
      method: 'get',
      path: '/readyz',
      access: 'anyone',
      summary: 'Whether requests can be served: Redis answers, and takes writes',
      answers: { 200: { description: 'They can', json: Fine } },
      problems: ['NOT_READY'],
      handle: async () => {
        await readiness.expect();
        return FINE;
      },
    }),
    ...(metricsAccess === 'open' ? [metricsRoute('anyone', context)] : []),
  ];
}

type Destination = z.infer<typeof DestinationList>['destinations'][number];

/** What can be asked about the service itself. */
export function serviceRoutes(context: ApiContext): Route[] {
  const { volumes, destinations } = context.producer;
  return [
    route({
      method: 'get',
      path: '/v1/volumes',
      access: 'viewer',
      summary: 'What may be exported',
      answers: { 200: { description: 'The volumes that the operator configured', json: VolumeList } },
      problems: [],
      handle: () => ({ status: 200, json: { volumes: [...volumes].sort().map((name) => ({ name })) } }),
    }),
    route({
      method: 'get',
      path: '/v1/destinations',
      access: 'viewer',
      summary: 'Where exports may go',
      answers: {
        200: { description: 'The destinations that the operator configured', json: DestinationList },
      },
      problems: [],
      handle: () => ({ status: 200, json: { destinations: [...destinations].map(describe).sort(byName) } }),
    }),
    ...(context.metricsAccess === 'token' ? [metricsRoute('viewer', context)] : []),
  ];
}

function describe([name, { uri }]: [string, { uri: string }]): Destination {
  return { name, kind: uri.startsWith('s3://') ? 's3' : 'directory' };
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

function metricsRoute(access: 'anyone' | 'viewer', { metrics }: Pick<ApiContext, 'metrics'>): Route {
  return route({
    method: 'get',
    path: '/metrics',
    access,
    summary: "Figures for Prometheus: the process, HTTP, exports, and the queue's own",
    answers: { 200: { description: "Prometheus's text format", type: 'text/plain' } },
    problems: [],
    handle: async ({ res }) => {
      const text = await metrics.text();
      res.set({ 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' }).send(text);
      return undefined;
    },
  });
}
