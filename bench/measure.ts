import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childEnvironment } from '../scripts/config.ts';
import { descendants, kill } from '../scripts/processes.ts';

/** What a run cost. */
export interface Measurement {
  /** Seconds. */
  wall: number;
  /** Seconds, of user and system time, of the script's processes and all of theirs; the S3 server isn't one. */
  cpu: number;
  /** Highest sum of the processes' resident memory; a page that several share counts in each of them. */
  peakBytes: number;
}

export interface MeasureOptions {
  /** Where the script runs. */
  folder: string;
  environment: Record<string, string>;
  signal: AbortSignal;
}

/** Often enough to see a peak that lasts, and seldom enough not to be seen in the CPU time. */
const SAMPLE_MS = 200;

// bash's `time` counts processes that have ended and been waited for, theirs included: getrusage(2), RUSAGE_CHILDREN.
const timed = (script: string) => `set -o pipefail
TIMEFORMAT='%3R %3U %3S'
{ time { ${script}; } 2>&3; } 3>&2 2>times`;

/** Runs a bash script, after what was written before has reached the disk. Rejects when it fails. */
export async function measure(script: string, options: MeasureOptions): Promise<Measurement> {
  const { folder, environment, signal } = options;
  signal.throwIfAborted();
  await once(spawn('sync'), 'exit');
  const child = spawn('bash', ['-c', timed(script)], {
    cwd: folder,
    env: { ...childEnvironment, ...environment, TMPDIR: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  let peakBytes = 0;
  const sampling = setInterval(() => {
    const sum = descendants(child.pid ?? 0).reduce((total, each) => total + each.residentBytes, 0);
    peakBytes = Math.max(peakBytes, sum);
  }, SAMPLE_MS);
  const stop = () => {
    for (const { pid } of descendants(child.pid ?? 0)) kill(pid, 'SIGKILL');
  };
  signal.addEventListener('abort', stop);
  const [code] = await once(child, 'exit').finally(() => {
    clearInterval(sampling);
    signal.removeEventListener('abort', stop);
  });
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`exit code ${code}: ${script}`);
  const [wall, user, system] = (await readFile(join(folder, 'times'), 'utf8')).trim().split(' ').map(Number);
  return { wall, cpu: user + system, peakBytes };
}
