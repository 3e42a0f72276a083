import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { childEnvironment } from '../scripts/config.ts';
import { descendants, kill, type Process } from '../scripts/processes.ts';

/** What a run cost. */
export interface Measurement {
  /** Seconds. */
  wall: number;
  /** Seconds, of user and system time, of the script's processes and all of theirs; the S3 server isn't one. */
  cpu: number;
  /** Highest sum of the processes' resident memory; a page that several share counts in each of them. */
  peakBytes: number;
  /** The same without that of redis-server. */
  ownPeakBytes: number;
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
  await once(spawn('sync'), 'exit');
  const peaks = { peakBytes: 0, ownPeakBytes: 0 };
  await run(timed(script), { ...options, sample: (found) => raise(peaks, found) });
  const times = await readFile(join(options.folder, 'times'), 'utf8');
  const [wall, user, system] = times.trim().split(' ').map(Number);
  return { wall, cpu: user + system, ...peaks };
}

/** Runs a bash script that isn't measured. Rejects when it fails. */
export async function prepare(script: string, options: MeasureOptions): Promise<void> {
  await run(script, options);
}

interface RunOptions extends MeasureOptions {
  /** Called with the processes that run, again and again. */
  sample?: (found: readonly Process[]) => void;
}

async function run(script: string, { folder, environment, signal, sample }: RunOptions): Promise<void> {
  signal.throwIfAborted();
  const child = spawn('bash', ['-c', script], {
    cwd: folder,
    env: { ...childEnvironment, ...environment, TMPDIR: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  });
  const sampling = sample && setInterval(() => sample(descendants(child.pid ?? 0)), SAMPLE_MS);
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
}

type Peaks = Pick<Measurement, 'peakBytes' | 'ownPeakBytes'>;

function raise(peaks: Peaks, found: readonly Process[]): void {
  const sum = (some: readonly Process[]) => some.reduce((total, each) => total + each.residentBytes, 0);
  peaks.peakBytes = Math.max(peaks.peakBytes, sum(found));
  peaks.ownPeakBytes = Math.max(peaks.ownPeakBytes, sum(found.filter((each) => !isRedis(each))));
}

/** By its path or, once it has started, by the title that it gives itself: `redis-server unixsocket:…`. */
const isRedis = ({ command }: Process) => /^(\S*\/)?redis-server\b/.test(command);
