import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { addPacks, Producer, planJob } from '@longshore/producer';
import { type CreateExport, type ExportStatus, type Phase, QUEUE, TERMINAL_PHASES } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { WorkerPool } from '@longshore/worker';
import { pino } from 'pino';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';

const VERSION = '0.0.0-test';
const LOOK_AGAIN_MS = 10;

/** Less than failed exports wait for a retry, more than anything else is put off. */
const RETRY_WAIT_MS = 60_000;

export interface InstallationOptions {
  /** Volume name → folder. */
  volumes: Record<string, string>;
  /** Destination name → store; the test closes them. */
  destinations: Record<string, Store>;
  redis?: RedisServer;
}

/** Producers and workers of one installation, in this process, on a real Redis. */
export class Installation implements AsyncDisposable {
  readonly redis: RedisServer;
  /** Everything that producers and workers have logged, as JSON lines. */
  readonly log: string[] = [];
  #options: InstallationOptions;
  #temp: TempFolder;
  #stack = new AsyncDisposableStack();

  static async start(options: InstallationOptions): Promise<Installation> {
    return new Installation(options, {
      redis: options.redis ?? (await startRedis()),
      temp: await tempFolder('service'),
    });
  }

  private constructor(
    options: InstallationOptions,
    { redis, temp }: { redis: RedisServer; temp: TempFolder },
  ) {
    this.#options = options;
    this.redis = redis;
    this.#temp = temp;
    this.#stack.use(temp);
    if (!options.redis) this.#stack.use(redis);
  }

  async producer(options: { retainFailedMs?: number } = {}): Promise<Producer> {
    const producer = await Producer.start({
      redis: this.redis.socket,
      volumes: new Set(Object.keys(this.#options.volumes)),
      destinations: new Map(Object.entries(this.#options.destinations)),
      version: VERSION,
      logger: this.#logger(),
      ...options,
    });
    this.#stack.use(producer);
    return producer;
  }

  async workers({ threads = 1, lockMs = 5_000 } = {}): Promise<WorkerPool> {
    const spool = join(this.#temp.path, 'spool');
    await mkdir(spool, { recursive: true });
    const pool = await WorkerPool.start({
      redis: this.redis.socket,
      queue: QUEUE,
      threads,
      spool,
      lockMs,
      volumes: new Map(Object.entries(this.#options.volumes)),
      destinations: new Map(Object.entries(this.#options.destinations)),
      version: VERSION,
      plan: planJob,
      addPacks,
      logger: this.#logger(),
    });
    this.#stack.defer(() => pool.stop({ graceMs: 0 }));
    return pool;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  #logger() {
    return pino({ level: 'debug' }, { write: (line) => this.log.push(line) });
  }
}

/** A request in full, as the API's schema makes it. */
export function requestOf(request: Partial<CreateExport>): CreateExport {
  return {
    volume: 'data',
    destination: 'archives',
    format: 'tar.zst',
    exclude: [],
    onChange: 'record',
    consistency: 'Live',
    ...request,
  };
}

type Look = Pick<Producer, 'exports'>;

/** Waits until an export fulfils `test`. */
export async function until(
  { exports }: Look,
  id: string,
  test: (status: ExportStatus) => boolean,
): Promise<ExportStatus> {
  for (;;) {
    const status = await exports.get(id);
    if (test(status)) return status;
    await delay(LOOK_AGAIN_MS);
  }
}

/** Waits until an export is in one of these phases; one that ends otherwise is an error. */
export function untilPhase(look: Look, id: string, ...phases: Phase[]): Promise<ExportStatus> {
  return until(look, id, ({ phase, error }) => {
    if (phases.includes(phase)) return true;
    if (TERMINAL_PHASES.has(phase)) throw new Error(`the export is ${phase}: ${JSON.stringify(error)}`);
    return false;
  });
}

/** Waits until nothing is left to be done about any export, but for failed ones that wait for a retry. */
export async function untilSettled({ records }: Pick<Producer, 'records'>): Promise<void> {
  while ((await records.due(Date.now() + RETRY_WAIT_MS, 1)).length > 0) await delay(LOOK_AGAIN_MS);
}
