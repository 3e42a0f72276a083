import type { SpawnOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { CliError } from '../error.ts';
import { SupervisedProcess } from './supervised-process.ts';

export interface WorkerProcessOptions {
  workers: number;
  threads: number;
  redis: string;
  spool: string;
  volume: string;
  destination: string;
  environment: NodeJS.ProcessEnv;
  debug: boolean;
  onGivenUp: (error: CliError) => void;
}

/** Everything is on one machine here: a worker that is silent for so long is dead, or its lock is soon lost. */
const LOCK_SECONDS = '6';

/**
 * MB for young objects, of which uploads and the queue make thousands a second that live for milliseconds. With more,
 * as V8 would have it, a worker takes 60 to 100 MB more and as long. Pods and Compose's workers have it as well.
 */
const HEAP = ['--max-semi-space-size=2'];

function environmentOf(options: WorkerProcessOptions): NodeJS.ProcessEnv {
  return {
    ...options.environment,
    LONGSHORE_REDIS_URL: options.redis,
    LONGSHORE_VOLUMES: JSON.stringify({ [options.volume]: options.volume }),
    LONGSHORE_DESTINATIONS: JSON.stringify({ [options.destination]: options.destination }),
    LONGSHORE_LOG_LEVEL: options.debug ? 'debug' : 'silent',
  };
}

/** Starts worker processes that are replaced when they die, in process groups that Ctrl-C doesn't reach. */
export function startWorkerProcesses(options: WorkerProcessOptions): AsyncDisposable {
  const main = fileURLToPath(import.meta.resolve('#longshore'));
  const spawnOptions: SpawnOptions = {
    // The channel tells the worker when this process is gone.
    stdio: ['ignore', 'ignore', options.debug ? 'inherit' : 'pipe', 'ipc'],
    detached: true,
    env: environmentOf(options),
  };
  const workers = Array.from({ length: options.workers }, (_, number) => {
    const name = ['--private', '--name', `worker-${number + 1}`];
    const tuning = ['--threads', String(options.threads), '--lock', LOCK_SECONDS, '--grace', '0'];
    const args = [...process.execArgv, ...HEAP, main, 'work', ...name, ...tuning, '--spool', options.spool];
    return new SupervisedProcess({ file: process.execPath, args, options: spawnOptions }, ({ lastWords }) =>
      options.onGivenUp(new CliError('WORKERS_DIED', `Workers end as soon as they start: ${lastWords}`)),
    );
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
    },
  };
}
