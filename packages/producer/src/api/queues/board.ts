import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import type { Queue } from 'bullmq';
import { type Express, type RequestHandler, Router } from 'express';
import { callerOf, expectRole } from '../auth/caller.ts';
import type { Role } from '../auth/role.ts';
import { problemOf } from '../problem/problem-of.ts';
import { OwnPageAdapter } from './own-page-adapter.ts';

export const BOARD_PATH = '/queues';

/** The folder of the page's files; its own search for them can't be bundled. */
const UI = dirname(fileURLToPath(import.meta.resolve('@bull-board/ui/package.json')));

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/**
 * The queues' own page. Viewers get one whose buttons are gone; and whatever page they have, what isn't reading takes an
 * operator's token here already, before bull-board is asked.
 */
export function queueBoard(queues: readonly Queue[]): Router {
  const boards: Record<Role, RequestHandler> = {
    viewer: boardOf(queues, 'viewer'),
    operator: boardOf(queues, 'operator'),
  };
  const router = Router();
  router.use((req, res, next) => {
    if (req.path.startsWith('/api/')) res.set('Cache-Control', 'no-store');
    expectRole(req, READING.has(req.method) ? 'viewer' : 'operator');
    boards[callerOf(req).role](req, res, next);
  });
  return router;
}

function boardOf(queues: readonly Queue[], role: Role): RequestHandler {
  const serverAdapter = new OwnPageAdapter();
  serverAdapter.setBasePath(BOARD_PATH);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: role === 'viewer' })),
    serverAdapter,
    options: {
      uiBasePath: UI,
      uiConfig: { boardTitle: 'Longshore', hideDocsLink: true, hideRedisDetails: true },
    },
  });
  // Its own handler answers with whatever an error says. The statuses that its types allow are few.
  serverAdapter.setErrorHandler((error) => {
    const { status, detail, code } = problemOf(error, undefined);
    return { status: status < 500 ? 400 : 500, body: { error: detail, message: detail, code } };
  });
  const app: Express = serverAdapter.getRouter();
  app.disable('x-powered-by');
  return app;
}
