import type { ExportRequest } from '@longshore/producer';
import type { Config } from '../config.ts';
import { startPrivateRedis } from '../embedded/redis-server.ts';
import { startWorkerProcesses } from '../embedded/worker-processes.ts';
import type { Interrupts } from '../interrupts.ts';
import type { ExportOptions } from './export.ts';
import { unlessAborted } from './unless-aborted.ts';

/** A Redis, and the workers on it. */
export interface Pool extends AsyncDisposable {
  redis: string;
  /** Private workers are simply stopped; those of others are told of an end, and waited for. */
  kind: 'private' | 'shared';
}

export interface PoolOptions {
  request: ExportRequest;
  options: ExportOptions;
  config: Config;
  interrupts: Interrupts;
  /** For what private processes keep. */
  folder: string;
}

/** The pool of `--redis`, or a private one: processes that are coming up when this resolves. */
export async function startPool({
  request,
  options,
  config,
  interrupts,
  folder,
}: PoolOptions): Promise<Pool> {
  const shared = options.redis ?? config.redis;
  if (shared !== undefined) {
    const { reachRedis } = await import('../redis/reach.ts');
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
