import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { sendEvents } from '../events/send-events.ts';
import { type Route, route } from '../route.ts';
import { ExportId } from './exports.ts';

const LastEventId = z.object({ 'last-event-id': z.string().max(100).optional() });

/** How a caller follows an export. */
export function eventsRoute({ watcher, limits }: ApiContext): Route {
  return route({
    method: 'get',
    path: '/v1/exports/{id}/events',
    access: 'viewer',
    summary: 'Follows an export to its end, as server-sent events',
    description:
      'Events `status` (an export, as GET gives it) and `parts` (`{items, done}`: a bitmap of the packed items in base64) come at once and then when something has changed, once a second at most. A stream whose token is withdrawn ends. `ended` comes last, with the phase. A stream that broke off is just opened again.',
    params: ExportId,
    headers: LastEventId,
    answers: {
      200: { description: 'The stream', type: 'text/event-stream' },
      204: { description: 'The Last-Event-ID is that of `ended`: there is nothing more' },
    },
    problems: ['UNKNOWN_EXPORT', 'TOO_MANY_STREAMS'],
    lasts: 'open-ended',
    handle: async ({ params, req, res }) => {
      await sendEvents({ id: params.id, watcher, limit: limits.streams }, { req, res });
      return undefined;
    },
  });
}
