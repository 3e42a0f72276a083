import assert from 'node:assert/strict';
import type { Destination } from './destination.ts';
import { type Finished, Longshore, startExport } from './longshore.ts';
import { QueueView } from './queue-view.ts';
import { type RedisServer, startRedis } from './redis.ts';
import { type TempFolder, tempFolder } from './temp.ts';

export interface WorkOptions {
  /** Seconds. */
  lock?: number;
  grace?: number;
}

/**
 * A Redis, `longshore work` processes on it, and one export by `longshore export --redis`: every part of it the
 * test's, to be killed and started again.
 */
export class SharedPool implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly view: QueueView;
  /** TMPDIR of the workers, and of the export. */
  readonly temp: TempFolder;
  readonly volume: string;
  readonly destination: Destination;
  readonly workers: Longshore[] = [];
  #exports: Longshore[] = [];

  static async start(volume: string, destination: Destination): Promise<SharedPool> {
    return new SharedPool({ volume, destination, redis: await startRedis(), temp: await tempFolder('tmp') });
  }

  private constructor(parts: Pick<SharedPool, 'volume' | 'destination' | 'redis' | 'temp'>) {
    this.volume = parts.volume;
    this.destination = parts.destination;
    this.redis = parts.redis;
    this.temp = parts.temp;
    this.view = new QueueView(this.redis.socket);
  }

  export(): Longshore {
    const { volume, destination, redis } = this;
    const started = startExport(volume, destination.uri, {
      args: ['--name', 'archive', '--redis', redis.url],
      env: this.#environment(),
    });
    this.#exports.push(started);
    return started;
  }

  work({ lock = 2, grace = 0 }: WorkOptions = {}): Longshore {
    const { volume, destination, redis } = this;
    const where = ['--redis', redis.url, '--volume', volume, '--destination', destination.uri];
    const how = ['--threads', '1', '--lock', String(lock), '--grace', String(grace)];
    const started = new Longshore(['work', ...where, ...how], { env: this.#environment() });
    this.workers.push(started);
    return started;
  }

  /** The archive's digest, once the export has ended well. */
  async digest(exporting: Longshore): Promise<string> {
    const { exitCode, stderr } = await exporting.finished;
    assert.equal(exitCode, 0, stderr);
    return this.destination.sha256('archive.tar.zst');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [...this.#exports, ...this.workers]) await each[Symbol.asyncDispose]();
    this.view[Symbol.dispose]();
    await this.redis.stop();
    await this.temp[Symbol.asyncDispose]();
  }

  #environment(): Record<string, string> {
    return { ...this.destination.env, TMPDIR: this.temp.path };
  }
}

/** Tells a process to end, and waits until it has. */
export async function stopped(process: Longshore, signal: NodeJS.Signals): Promise<Finished> {
  process.kill(signal);
  return process.finished;
}

/** Keys of the queue itself, which stay in a Redis when its exports have ended; their values are bounded. */
export const QUEUE_KEYS: ReadonlySet<string> = new Set(
  ['meta', 'events', 'id', 'stalled-check'].map((name) => `bull:exports:${name}`),
);

/** What a Redis holds beyond the queue's own keys. */
export async function keysOfExports(view: QueueView): Promise<string[]> {
  return (await view.keys()).filter((key) => !QUEUE_KEYS.has(key));
}
