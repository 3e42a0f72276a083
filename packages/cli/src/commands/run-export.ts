import { setTimeout as delay } from 'node:timers/promises';
import {
  addExportFlow,
  checkDestination,
  checkRequest,
  clearStore,
  drained,
  type ExportRequest,
  forgetExport,
  openExport,
  signalExport,
} from '@longshore/producer';
import { failureOf, formatFailure, type Order, QUEUE, RelayedError, workArea } from '@longshore/shared';
import { type Store, StoreError } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { expectRoom } from '../embedded/redis-server.ts';
import { reporterFor } from '../progress/reporter-for.ts';
import { EXPORT_VIEW } from '../progress/speed.ts';
import { RedisConnection } from '../redis/connection.ts';
import { VERSION } from '../version.ts';
import type { ExportOptions } from './export.ts';
import { type Completed, follow } from './follow.ts';
import type { Pool } from './pool.ts';
import { unlessAborted } from './unless-aborted.ts';

export { printResult } from './print-result.ts';

/**
 * How long workers on another Redis may take to let go of a cancelled export before its store is cleared. One that
 * takes longer finds the order gone, and takes away what it writes.
 */
const DRAIN_MS = 2_000;

/** How long taking an export out of a Redis may take: one that is there, and one that would have to come back. */
const LEAVE_MS = { ready: 3_500, away: 1_000 };

export interface ExportRun {
  request: ExportRequest;
  options: ExportOptions;
  store: Store;
  pool: Pool;
  signal: AbortSignal;
}

/** Checks an export and sees it to its end. Rejects before anything is done where the request or its destination is bad. */
export async function runExport(context: ExportRun): Promise<Completed> {
  const { request, store, signal } = context;
  checkRequest(request);
  await untilAborted(signal, (until) => checkDestination(request, { store, signal: until }));
  return run(context);
}

/** Opens the export and sees it to its end; clears the store where that isn't completion. */
async function run(context: ExportRun): Promise<Completed> {
  const { request, store, pool, signal } = context;
  const build = thisBuild(VERSION);
  const order = await untilAborted(signal, () => openExport(request, { store, build, signal }));
  try {
    return await runFlow(order, context);
  } catch (error) {
    await pool[Symbol.asyncDispose]();
    const cleared = await clearStore(order, store).catch((cause) => {
      throw notCleared(error, { order, store, cause });
    });
    throw cleared === 'complete' ? stays(error, order) : error;
  }
}

/** An interrupt can come when there's nothing left to interrupt. */
function stays(error: unknown, { upload }: Order): RelayedError {
  const { code, message } = failureOf(error);
  const said = code === 'INTERRUPTED' ? 'Interrupted' : message.replace(/\.$/, '');
  const stayed = `${upload.key} was complete by then, and stays.`;
  return new RelayedError(formatFailure({ code, message: `${said}. ${stayed}` }));
}

/** What ended the export stays the first thing to be said, and its code, also where clearing up fails. */
function notCleared(
  error: unknown,
  { order, store, cause }: { order: Order; store: Store; cause: unknown },
): RelayedError {
  const { code, message } = failureOf(error);
  const left = `Left behind in ${store.uri}, to be deleted: ${workArea(order.id).root} and the open upload of ${order.upload.key} (${failureOf(cause).message})`;
  const said = code === 'INTERRUPTED' ? 'Interrupted' : message.replace(/\.$/, '');
  return new RelayedError(formatFailure({ code, message: `${said}. ${left}.` }));
}

/** Runs `act`; where the signal ended it, says why, and not only that it was ended. */
async function untilAborted<T>(signal: AbortSignal, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  try {
    return await act(signal);
  } catch (error) {
    throw error instanceof StoreError && error.code === 'ABORTED' && signal.aborted ? signal.reason : error;
  }
}

async function runFlow(order: Order, { pool, options, signal }: ExportRun): Promise<Completed> {
  await using connection = new RedisConnection(pool.redis);
  const { redis, queue } = connection;
  const reporter = await reporterFor(options, EXPORT_VIEW);
  let completed: Completed | undefined;
  try {
    await unlessAborted(addExportFlow(order, { connection: redis, queue: QUEUE }), signal);
    const check = pool.kind === 'private' ? () => expectRoom(redis) : undefined;
    completed = await follow(order, { queue, redis, reporter, signal, check });
    return completed;
  } finally {
    reporter.close();
    const ended = completed !== undefined;
    if (pool.kind === 'shared') await leaveInTime(order, { ended, redis, queue });
  }
}

interface Leaving {
  ended: boolean;
  redis: Redis;
  queue: Queue;
}

/** Where Redis can't be reached, the export's jobs stay in it: workers find no order for them, and drop them. */
async function leaveInTime(order: Order, leaving: Leaving): Promise<void> {
  // What Redis says to that changes nothing about how the export ended.
  const left = leave(order, leaving).catch(() => undefined);
  const patience = LEAVE_MS[leaving.redis.status === 'ready' ? 'ready' : 'away'];
  await Promise.race([left, delay(patience, undefined, { ref: false })]);
}

/** Takes an export out of a Redis that others use: stopped first, where it hasn't ended. */
async function leave(order: Order, { ended, ...access }: Leaving): Promise<void> {
  if (!ended) {
    await signalExport(order, 'stop', access);
    await drained(order, { queue: access.queue, timeoutMs: DRAIN_MS });
  }
  await forgetExport(order, access);
}
