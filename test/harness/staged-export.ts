import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { planJob } from '@longshore/producer';
import { Order, PlanJob, PREFIX, QUEUE, workArea } from '@longshore/shared';
import { openStore, type Store } from '@longshore/store';
import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { type Finished, Longshore, startExport } from './longshore.ts';
import type { RedisServer } from './redis.ts';
import { type TempFolder, tempFolder } from './temp.ts';
import type { S3Server } from './versitygw.ts';

const LOOK_AGAIN_MS = 50;

/** What an export by the command is to do, and where its stages see the volume. */
export interface Staging {
  source: string;
  /** A directory, or `s3://bucket/prefix` of `s3`. */
  destination: string;
  redis: RedisServer;
  s3?: S3Server;
  /** Further arguments of `longshore export`. */
  args?: readonly string[];
}

export interface PlanOptions {
  /** Where the planner sees the source. */
  volume?: string;
  /** Its folder for intermediate files; one that isn't there makes it fail after it has opened the volume. */
  spool?: string;
}

export interface WorkerOptions {
  /** Where this worker sees the source. */
  volume?: string;
  /** Where it sees the destination. */
  destination?: string;
  threads?: number;
  /** Seconds. */
  lock?: number;
  /** Seconds. */
  grace?: number;
  prefix?: readonly string[];
  env?: Record<string, string>;
}

/**
 * An export by the command, without workers of its own: its Redis is the test's. Each stage runs when the test
 * says so, and between them nothing reads the volume.
 */
export class StagedExport implements AsyncDisposable {
  readonly command: Longshore;
  readonly store: Store;
  readonly redis: Redis;
  readonly queue: Queue;
  #staging: Staging;
  #temp: TempFolder;
  #workers: Longshore[] = [];

  static async start(staging: Staging): Promise<StagedExport> {
    const { s3, destination } = staging;
    const store = await openStore(destination, s3 && { s3 });
    return new StagedExport(staging, { store, temp: await tempFolder('spool') });
  }

  private constructor(staging: Staging, { store, temp }: { store: Store; temp: TempFolder }) {
    const { source, destination, redis, s3, args = [] } = staging;
    this.#staging = staging;
    this.#temp = temp;
    this.store = store;
    this.redis = new Redis(redis.url, { maxRetriesPerRequest: null });
    this.queue = new Queue(QUEUE, { connection: this.redis, prefix: PREFIX });
    this.command = startExport(source, destination, {
      args: ['--redis', redis.url, ...args],
      env: s3?.env,
    });
  }

  /**
   * Takes the plan job as a worker would, and does it in this process: a pack job then waits for every item. Where
   * planning rejects, the job goes back to the queue.
   */
  async plan({ volume = this.#staging.source, spool }: PlanOptions = {}): Promise<Order> {
    await using worker = new QueueReader(this.#staging.redis);
    const job = await worker.next(this.command);
    const order = await this.#order(job);
    const { store, queue, redis } = this;
    const { signal } = new AbortController();
    await using temp = await tempFolder('plan');
    try {
      await planJob({ order, store, volume, queue, redis, signal, spool: spool ?? temp.path });
    } catch (error) {
      await job.moveToFailed(new Error('planning failed', { cause: error }), worker.token, false);
      throw error;
    }
    await job.moveToCompleted(undefined, worker.token, false);
    return order;
  }

  /** Starts a worker process that takes whatever jobs there are. */
  work(options: WorkerOptions = {}): Longshore {
    const { source, redis, s3 } = this.#staging;
    const { volume = source, destination = this.#staging.destination, prefix, env } = options;
    const { threads = 2, lock = 6, grace = 0 } = options;
    const names = ['--volume', `${source}=${volume}`];
    names.push('--destination', `${this.#staging.destination}=${destination}`);
    const tuning = ['--threads', String(threads), '--lock', String(lock), '--grace', String(grace)];
    const args = ['work', '--redis', redis.url, ...names, ...tuning, '--spool', this.#temp.path];
    const worker = new Longshore(args, { env: { ...s3?.env, ...env }, prefix });
    this.#workers.push(worker);
    return worker;
  }

  /** Numbers of the items that are planned and that are packed, as the work area shows them. */
  async items(): Promise<{ planned: Set<number>; packed: Set<number> }> {
    const found = { planned: new Set<number>(), packed: new Set<number>() };
    for await (const { key } of this.store.list('.longshore/')) {
      const [, kind, item] = /^[^/]+\/[^/]+\/(catalog|items)\/(\d+)/.exec(key) ?? [];
      if (item !== undefined) found[kind === 'catalog' ? 'planned' : 'packed'].add(Number(item));
    }
    return found;
  }

  /** Keeps one item from being packed, and so the export from being finalized, until that's disposed of. */
  async hold(item: number): Promise<AsyncDisposable> {
    const reader = new QueueReader(this.#staging.redis);
    const taken = await reader.takeAll();
    const held = taken.filter((job) => job.data.item === item);
    for (const job of taken) if (!held.includes(job)) await job.moveToWait(reader.token);
    return {
      [Symbol.asyncDispose]: async () => {
        for (const job of held) await job.moveToWait(reader.token);
        await reader[Symbol.asyncDispose]();
      },
    };
  }

  /** Resolves once an attempt at `item` has left its record. */
  async packed(item: number): Promise<void> {
    while (!(await this.items()).packed.has(item)) {
      if (this.command.child.exitCode !== null) throw new Error((await this.command.finished).stderr);
      await delay(LOOK_AGAIN_MS);
    }
  }

  /** Lets one worker do everything that is left, and waits for the command's end. */
  async finish(options: WorkerOptions = {}): Promise<Finished> {
    const worker = this.work(options);
    const finished = await this.command.finished;
    worker.kill('SIGTERM');
    await worker.finished;
    return finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command[Symbol.asyncDispose]();
    for (const worker of this.#workers) await worker[Symbol.asyncDispose]();
    await this.queue.close();
    this.redis.disconnect();
    await this.store[Symbol.asyncDispose]();
    await this.#temp[Symbol.asyncDispose]();
  }

  async #order(job: Job): Promise<Order> {
    const { order } = workArea(PlanJob.parse(job.data).export);
    return Order.parse(JSON.parse((await buffer(await this.store.get(order))).toString()));
  }
}

/** Takes single jobs from the queue. */
class QueueReader implements AsyncDisposable {
  readonly token = randomUUID();
  #redis: Redis;
  #worker: Worker;

  constructor({ url }: RedisServer) {
    this.#redis = new Redis(url, { maxRetriesPerRequest: null });
    this.#worker = new Worker(QUEUE, null, {
      connection: this.#redis,
      prefix: PREFIX,
      lockDuration: 120_000,
      drainDelay: 1,
      settings: { backoffStrategy: () => 0 },
    });
  }

  /** The next job, once there is one; rejects when `command` ends before. */
  async next(command: Longshore): Promise<Job> {
    for (;;) {
      const job = await this.#worker.getNextJob(this.token, { block: true });
      if (job) return job;
      if (command.child.exitCode !== null) throw new Error((await command.finished).stderr);
    }
  }

  /** Every job that waits. */
  async takeAll(): Promise<Job[]> {
    const taken: Job[] = [];
    for (;;) {
      const job = await this.#worker.getNextJob(this.token, { block: false });
      if (!job) return taken;
      taken.push(job);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.close();
    this.#redis.disconnect();
  }
}

/** Plans the export, lets `between` do its mischief to the volume, then packs and finalizes. */
export async function stagedExport(
  staging: Staging,
  between: () => void | Promise<void>,
  packing: WorkerOptions = {},
): Promise<Finished> {
  await using staged = await StagedExport.start(staging);
  await staged.plan();
  await between();
  return await staged.finish(packing);
}

/** The folder that a destination's objects are files of, whichever kind it is. */
export function folderOf({ destination, s3 }: Pick<Staging, 'destination' | 's3'>): string {
  return s3 ? join(s3.dir, destination.slice('s3://'.length)) : destination;
}
