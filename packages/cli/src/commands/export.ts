import { mkdtemp, rm, rmdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
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
import { type Format, LEVELS, type OnChange, type Order, PREFIX, QUEUE } from '@longshore/shared';
import { openStore, type Store } from '@longshore/store';
import { thisBuild } from '@longshore/tape';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Config } from '../config.ts';
import { startPrivateRedis } from '../embedded/redis-server.ts';
import { startWorkerProcesses } from '../embedded/worker-processes.ts';
import { EXIT } from '../exit-codes.ts';
import { Interrupts } from '../interrupts.ts';
import { barReporter } from '../progress/bar.ts';
import { lineReporter } from '../progress/lines.ts';
import { jsonReporter, type Reporter, silentReporter } from '../progress/reporter.ts';
import { VERSION } from '../version.ts';
import { defaultName, refuseInside, sourceDirectory } from './export-paths.ts';
import { type Completed, follow } from './follow.ts';
import { printResult } from './print-result.ts';

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

/** How long workers on another Redis may take to let go of a cancelled export before its store is cleared. */
const DRAIN_MS = 60_000;

interface ExportRun {
  request: ExportRequest;
  options: ExportOptions;
  config: Config;
  store: Store;
  interrupts: Interrupts;
}

/** `longshore export`: one export from start to end. Whatever happens, nothing is left but its result. */
export async function exportCommand(src: string, options: ExportOptions, config: Config): Promise<void> {
  const started = performance.now();
  const request = await requestOf(src, options);
  checkRequest(request);
  using interrupts = new Interrupts();
  await using destination = await Destination.open(request);
  const { store } = destination;
  await checkDestination(request, { store, signal: interrupts.signal });
  const completed = await run({ request, options, config, store, interrupts });
  destination.keep();
  const seconds = (performance.now() - started) / 1_000;
  printResult({ ...completed, store: store.uri, request, seconds }, options);
  process.exitCode = completed.result.drift.count > 0 ? EXIT.drifted : EXIT.complete;
}

async function requestOf(src: string, options: ExportOptions): Promise<ExportRequest> {
  const volume = await sourceDirectory(src);
  const destination = options.to.includes('://') ? options.to : resolve(options.to);
  if (!options.to.startsWith('s3://')) await refuseInside(volume, options.to);
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

/** Opens the export and sees it to its end, with private workers and Redis or with those of `--redis`. */
async function run(context: ExportRun): Promise<Completed> {
  const { request, store, interrupts, config } = context;
  await using temp = await tempFolder(config.temp);
  const redisUrl = context.options.redis ?? config.redis;
  await using server = redisUrl
    ? undefined
    : await startPrivateRedis(temp.path, (error) => interrupts.fail(error));
  const url = redisUrl ?? server?.socket ?? '';
  const order = await openExport(request, { store, build: thisBuild(VERSION), signal: interrupts.signal });
  let completed: Completed | undefined;
  try {
    completed = await runFlow({ ...context, order, url, spool: server && temp.path });
    return completed;
  } finally {
    if (!completed) await clearStore(order, store);
  }
}

interface Flow extends ExportRun {
  order: Order;
  /** Redis. */
  url: string;
  /** Where private workers keep intermediate files; undefined where the workers are others'. */
  spool: string | undefined;
}

async function runFlow(flow: Flow): Promise<Completed> {
  const { order, url, interrupts } = flow;
  await using connection = new RedisConnection(url);
  const { redis, queue } = connection;
  await using workers = flow.spool === undefined ? undefined : startWorkers(flow, flow.spool);
  const reporter = reporterOf(flow.options);
  let ended = false;
  try {
    await addExportFlow(order, { connection: redis, queue: QUEUE });
    const completed = await follow(order, { queue, redis, reporter, signal: interrupts.signal });
    ended = true;
    return completed;
  } finally {
    reporter.close();
    if (!ended) await cancel(flow, { redis, queue });
    if (workers) await workers[Symbol.asyncDispose]();
    else await forgetExport(order, { queue, redis });
  }
}

/** Private workers are simply stopped; those of others are told, and waited for. */
async function cancel({ order, spool }: Flow, access: { redis: Redis; queue: Queue }): Promise<void> {
  if (spool !== undefined) return;
  await signalExport(order, 'cancel', access);
  await drained(order, { queue: access.queue, timeoutMs: DRAIN_MS });
}

function startWorkers({ request, options, config, url, interrupts }: Flow, spool: string): AsyncDisposable {
  const { volume, destination } = request;
  const threads = options.threads ?? Math.max(1, Math.floor(config.cores / options.workers));
  const { workers } = options;
  const { environment, debug } = config;
  const onGivenUp = (error: Error) => interrupts.fail(error);
  return startWorkerProcesses({
    workers,
    threads,
    redis: url,
    spool,
    volume,
    destination,
    environment,
    debug,
    onGivenUp,
  });
}

class RedisConnection implements AsyncDisposable {
  readonly redis: Redis;
  readonly queue: Queue;

  constructor(url: string) {
    this.redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 100 });
    // A Redis that is away for a moment is waited for; `follow` can be interrupted meanwhile.
    this.redis.on('error', () => undefined);
    this.queue = new Queue(QUEUE, { connection: this.redis, prefix: PREFIX });
    this.queue.on('error', () => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue.close();
    this.redis.disconnect();
  }
}

async function tempFolder(parent: string): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(parent, 'longshore-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function reporterOf({ json, quiet }: ExportOptions): Reporter {
  if (quiet) return silentReporter;
  if (json) return jsonReporter(process.stderr);
  return process.stderr.isTTY ? barReporter(process.stderr) : lineReporter(process.stderr);
}
