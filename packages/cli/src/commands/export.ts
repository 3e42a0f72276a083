import { rmdir, stat } from 'node:fs/promises';
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
import {
  type Format,
  failureOf,
  formatFailure,
  LEVELS,
  type OnChange,
  type Order,
  QUEUE,
  RelayedError,
  workArea,
} from '@longshore/shared';
import { openStore, type Store, StoreError } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import { expectRoom, startPrivateRedis } from '../embedded/redis-server.ts';
import { startWorkerProcesses } from '../embedded/worker-processes.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { barReporter } from '../progress/bar.ts';
import { lineReporter } from '../progress/lines.ts';
import { jsonReporter, type Reporter, silentReporter } from '../progress/reporter.ts';
import { RedisConnection } from '../redis/connection.ts';
import { reachRedis } from '../redis/reach.ts';
import { VERSION } from '../version.ts';
import { defaultName, refuseInside, resolveDestination, sourceDirectory } from './export-paths.ts';
import { type Completed, follow, unlessAborted } from './follow.ts';
import { printResult } from './print-result.ts';
import { tempFolder } from './temp-folder.ts';

export interface ExportOptions {
  to: string;
  name?: string;
  format: Format;
  level?: number;
  workers: number;
  threads?: number;
  exclude: string[];
  onChange: OnChange;
  redis?: string;
  json?: boolean;
  quiet?: boolean;
}

/**
 * How long workers on another Redis may take to let go of a cancelled export before its store is cleared. One that
 * takes longer finds the order gone, and takes away what it writes.
 */
const DRAIN_MS = 2_000;

/** How long taking an export out of a Redis may take: one that is there, and one that would have to come back. */
const LEAVE_MS = { ready: 3_500, away: 1_000 };

/** `longshore export`: one export from start to end. Whatever happens, nothing is left but its result. */
export async function exportCommand(src: string, options: ExportOptions, config: Config): Promise<void> {
  const started = performance.now();
  const request = await requestOf(src, options);
  checkRequest(request);
  using interrupts = new Interrupts();
  await using temp = await tempFolder(config.temp);
  await using destination = await Destination.open(request);
  // Workers come up while the destination is looked at.
  await using pool = await startPool({ request, options, config, interrupts, folder: temp.path });
  const { store } = destination;
  await untilAborted(interrupts.signal, (signal) => checkDestination(request, { store, signal }));
  const completed = await run({ request, options, store, pool, signal: interrupts.signal });
  destination.keep();
  const seconds = (performance.now() - started) / 1_000;
  printResult({ ...completed, store: store.uri, request, seconds }, options);
  const { drift, skipped } = completed.result;
  process.exitCode = drift.count + skipped.lost > 0 ? EXIT.drifted : EXIT.complete;
}

async function requestOf(src: string, options: ExportOptions): Promise<ExportRequest> {
  const volume = await sourceDirectory(src);
  const destination = resolveDestination(options.to);
  await refuseInside(volume, destination);
  const { format, exclude, onChange } = options;
  const level = options.level ?? LEVELS[format].default;
  const name = options.name ?? defaultName(volume, new Date());
  return { volume, destination, name, format, level, exclude, onChange };
}

/** The destination's store, and its directory, which goes again where nothing came into it. */
class Destination implements AsyncDisposable {
  readonly store: Store;
  #made: string | undefined;

  static async open({ destination }: ExportRequest): Promise<Destination> {
    const local = !destination.includes('://');
    const existed = local && (await stat(destination).then(Boolean, () => false));
    return new Destination(await openStore(destination), local && !existed ? destination : undefined);
  }

  constructor(store: Store, made: string | undefined) {
    this.store = store;
    this.#made = made;
  }

  keep(): void {
    this.#made = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store[Symbol.asyncDispose]();
    if (this.#made) await rmdir(this.#made).catch(() => undefined);
  }
}

/** A Redis, and the workers on it. */
interface Pool extends AsyncDisposable {
  redis: string;
  /** Private workers are simply stopped; those of others are told of an end, and waited for. */
  kind: 'private' | 'shared';
}

interface PoolOptions {
  request: ExportRequest;
  options: ExportOptions;
  config: Config;
  interrupts: Interrupts;
  /** For what private processes keep. */
  folder: string;
}

/** The pool of `--redis`, or a private one: processes that are coming up when this resolves. */
async function startPool({ request, options, config, interrupts, folder }: PoolOptions): Promise<Pool> {
  const shared = options.redis ?? config.redis;
  if (shared !== undefined) {
    await unlessAborted(reachRedis(shared), interrupts.signal);
    return { redis: shared, kind: 'shared', [Symbol.asyncDispose]: async () => undefined };
  }
  await using stack = new AsyncDisposableStack();
  const onGivenUp = (error: Error) => interrupts.fail(error);
  const server = stack.use(await startPrivateRedis(folder, onGivenUp));
  const { volume, destination } = request;
  const { workers } = options;
  const threads = options.threads ?? Math.max(1, Math.floor(config.cores / workers));
  const { environment, debug } = config;
  const common = { workers, threads, environment, debug, volume, destination, onGivenUp };
  stack.use(startWorkerProcesses({ ...common, redis: server.socket, spool: folder }));
  const processes = stack.move();
  return { redis: server.socket, kind: 'private', [Symbol.asyncDispose]: () => processes.disposeAsync() };
}

interface ExportRun {
  request: ExportRequest;
  options: ExportOptions;
  store: Store;
  pool: Pool;
  signal: AbortSignal;
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
  const reporter = reporterOf(options);
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
    await signalExport(order, 'cancel', access);
    await drained(order, { queue: access.queue, timeoutMs: DRAIN_MS });
  }
  await forgetExport(order, access);
}

function reporterOf({ json, quiet }: ExportOptions): Reporter {
  if (quiet) return silentReporter;
  if (json) return jsonReporter(process.stderr);
  return process.stderr.isTTY ? barReporter(process.stderr) : lineReporter(process.stderr);
}
