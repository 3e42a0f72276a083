import { ConfiguredName } from '@longshore/shared';
import { z } from 'zod';
import { ProducerError } from '../../error.ts';
import type { ApiContext } from '../context.ts';
import { rangeHeaders } from '../ranged/range-headers.ts';
import { type Route, route } from '../route.ts';

const VolumeName = z.object({ name: ConfiguredName });

const LiveQuery = z.object({
  namespace: ConfiguredName.optional().meta({
    description: 'In a cluster: the one of the claim, which `name` then is',
  }),
});

const LiveHeaders = rangeHeaders('archive').extend({
  'cache-control': z.string().optional().meta({ description: '`no-cache`: the volume is planned anew' }),
});

/** Live volumes as archives of known length. */
export function liveRoutes(context: ApiContext): Route[] {
  return [liveRoute('get', context), liveRoute('head', context)];
}

function liveRoute(method: 'get' | 'head', { live }: ApiContext): Route {
  return route({
    method,
    path: '/v1/volumes/{name}/archive.tar',
    access: live?.access ?? 'viewer',
    summary:
      method === 'get'
        ? 'The live volume as a tar, read while it is sent'
        : 'How long the tar of the live volume is',
    description:
      'The volume is planned first, which fixes every byte; the ETag is that of the plan, and stays the same while the volume does. A file that has changed since then ends the download with a reset connection. While planning takes long, and while there are too many downloads, 503 comes with Retry-After.',
    params: VolumeName,
    query: LiveQuery,
    headers: LiveHeaders,
    answers: {
      200: {
        description: 'The archive',
        type: 'application/x-tar',
        headers: {
          ETag: 'Strong',
          'Accept-Ranges': 'bytes',
          'Content-Disposition': 'attachment, with a name',
        },
      },
      206: { description: 'The range', headers: { 'Content-Range': 'Which one' } },
      304: { description: 'The archive is the one that If-None-Match names' },
    },
    problems: [
      'NO_SUCH_VOLUME',
      'VOLUME_CHANGED',
      'PRECONDITION_FAILED',
      'RANGE_NOT_SATISFIABLE',
      'PLANNING',
      'TOO_MANY_TRANSFERS',
      'VOLUME_NOT_HERE',
      'VOLUME_FAILED',
      'PLAN_TOO_LARGE',
    ],
    lasts: 'open-ended',
    handle: async ({ params, query, req, res }) => {
      if (!live) throw notServed(params.name);
      await live.send({ ...params, ...query }, { req, res });
      return undefined;
    },
  });
}

function notServed(name: string): ProducerError {
  return new ProducerError(
    'VOLUME_NOT_HERE',
    `This server doesn't read volumes itself, and so can't give ${name}: export it.`,
  );
}
