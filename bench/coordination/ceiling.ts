import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { addExportFlow, openExport, readOutcome } from '@longshore/producer';
import { PREFIX, QUEUE } from '@longshore/shared';
import { openStore, type Store } from '@longshore/store';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { startRedis } from '../../test/harness/redis.ts';
import { tempFolder } from '../../test/harness/temp.ts';
import { build, type Simulation } from './simulation.ts';

/** What one Redis and so many workers got through when packing took no time. */
export interface Ceiling {
  workers: number;
  items: number;
  /** From the order to the end of the finalize job. */
  seconds: number;
  /** Seconds of CPU time that Redis took meanwhile. */
  redisCpu: number;
}

const WORKER = fileURLToPath(new URL('./simulated-worker.ts', import.meta.url));

/** Items of the export that goes first, so that all processes have compiled what they run. */
const WARM_UP_ITEMS = 1_000;

/** Seldom enough to cost Redis nothing. */
const LOOK_MS = 20;

/** One export of so many items, with a Redis and workers of its own. */
export async function measureCeiling(
  workers: number,
  { items, signal }: { items: number; signal: AbortSignal },
): Promise<Ceiling> {
  await using temp = await tempFolder('bench-queue');
  await using server = await startRedis();
  const destination = join(temp.path, 'archives');
  await using store = await openStore(destination);
  const volumes = { 'warm-up': WARM_UP_ITEMS, measured: items };
  using _ = await startWorkers(workers, { redis: server.socket, destination, spool: temp.path, volumes });
  await using queue = new QueueSide(server.socket, { store, destination, signal });
  await queue.pass('warm-up');
  return { workers, items, ...(await queue.pass('measured')) };
}

async function startWorkers(count: number, simulation: Simulation): Promise<Disposable> {
  const started: ChildProcess[] = [];
  const stop = () => {
    for (const child of started) child.kill('SIGKILL');
  };
  try {
    for (let number = 0; number < count; number++) started.push(fork(WORKER));
    for (const child of started) child.send(simulation);
    await Promise.all(started.map(readiness));
    return { [Symbol.dispose]: stop };
  } catch (error) {
    stop();
    throw error;
  }
}

async function readiness(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a simulated worker ended with exit code ${code}`);
  });
  ended.catch(() => undefined);
  await Promise.race([once(child, 'message'), ended]);
}

interface Ordering {
  store: Store;
  destination: string;
  signal: AbortSignal;
}

/** The producer's side: orders an export, and waits for its end. */
class QueueSide implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #queue: Queue;
  readonly #ordering: Ordering;

  constructor(socket: string, ordering: Ordering) {
    this.#redis = new Redis(socket, { maxRetriesPerRequest: null });
    this.#queue = new Queue(QUEUE, { connection: this.#redis, prefix: PREFIX });
    this.#ordering = ordering;
  }

  async pass(volume: string): Promise<{ seconds: number; redisCpu: number }> {
    const { store, destination, signal } = this.#ordering;
    const request = { volume, destination, name: volume, format: 'tar.zst', level: 3 } as const;
    const order = await openExport(
      { ...request, exclude: [], onChange: 'record' },
      { store, build: build(), signal },
    );
    const [begin, cpu] = [performance.now(), await this.#cpu()];
    await addExportFlow(order, { connection: this.#redis, queue: QUEUE });
    for (;;) {
      const outcome = await readOutcome(order, { queue: this.#queue, redis: this.#redis });
      if (outcome.kind === 'completed') break;
      if (outcome.kind !== 'running') throw new Error(`the simulated export is ${outcome.kind}`);
      await delay(LOOK_MS, undefined, { signal });
    }
    return { seconds: (performance.now() - begin) / 1_000, redisCpu: (await this.#cpu()) - cpu };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#queue.close();
    this.#redis.disconnect();
  }

  async #cpu(): Promise<number> {
    const info = await this.#redis.info('cpu');
    const figure = (name: string) => Number(new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]);
    return figure('used_cpu_user') + figure('used_cpu_sys');
  }
}
