import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import prettyBytes from 'pretty-bytes';
import { z } from 'zod';
import { childEnvironment, root } from '../config.ts';
import { descendants, kill, type Process } from '../processes.ts';
import type { Volume } from '../volume.ts';

/** What `longshore export --json` prints at its end. */
const Result = z.object({
  archive: z.object({ uri: z.string(), bytes: z.number(), parts: z.number() }),
  manifest: z.object({ uri: z.string() }),
  entries: z.object({ count: z.number(), bytes: z.number() }),
  drift: z.object({ count: z.number() }),
  seconds: z.number(),
  retries: z.number(),
});
export type Result = z.infer<typeof Result>;

/** A line of its progress; stderr may hold others. */
const Progress = z.object({ event: z.literal('progress'), doneTapeBytes: z.number() });

/** How long an interrupted export may take to clean up before it's killed with all that it started. */
const PATIENCE_MS = 5_000;

export interface CasualtyOptions {
  /** `s3://bucket/prefix` */
  to: string;
  environment: Record<string, string>;
  signal: AbortSignal;
}

type RunningExport = ChildProcessByStdio<null, Readable, Readable>;

/** Runs an export with three workers, one of which gets SIGKILL when half of the volume is packed. */
export async function exportWithCasualty(volume: Volume, options: CasualtyOptions) {
  const args = ['export', volume.path, '--to', options.to, '--name', 'demo', '--workers', '3', '--json'];
  console.log(`longshore ${args.join(' ')}`);
  // In a group of its own, so that Ctrl-C reaches it once, from here.
  const child = spawn(process.execPath, [join(root, 'packages/cli/bin/longshore.js'), ...args], {
    env: { ...childEnvironment, ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = () => void end(child);
  options.signal.addEventListener('abort', stop);
  try {
    const [printed, killed, [code]] = await Promise.all([
      text(child.stdout),
      killHalfWay(child, volume),
      once(child, 'exit'),
    ]);
    options.signal.throwIfAborted();
    if (code !== 0) throw new Error(`longshore export ended with exit code ${code}.`);
    if (!killed) throw new Error('The export ended before a worker could be killed.');
    return { result: Result.parse(JSON.parse(printed)), killed };
  } finally {
    options.signal.removeEventListener('abort', stop);
    await end(child);
  }
}

/** Reads the export's progress to its end; gives the worker that was killed. */
async function killHalfWay(child: RunningExport, volume: Volume): Promise<Process | undefined> {
  let killed: Process | undefined;
  for await (const line of createInterface({ input: child.stderr })) {
    const done = progressOf(line);
    if (done === undefined) console.error(line);
    else if (!killed && done >= volume.bytes / 2) killed = killWorker(child, done);
  }
  return killed;
}

/** Bytes of the tape that are packed; undefined for a line that says something else. */
function progressOf(line: string): number | undefined {
  if (!line.startsWith('{')) return undefined;
  return Progress.safeParse(JSON.parse(line)).data?.doneTapeBytes;
}

function killWorker({ pid }: ChildProcess, done: number): Process | undefined {
  const worker = descendants(pid ?? 0).find(({ command }) => command.includes('worker'));
  if (!worker || !kill(worker.pid, 'SIGKILL')) return undefined;
  console.log(`  ${prettyBytes(done)} are packed: kill -9 ${worker.pid}, one of the three workers`);
  return worker;
}

/** Sees to it that nothing of the export runs any more: it may clean up first. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const started = descendants(child.pid);
  const gone = once(child, 'exit');
  child.kill('SIGINT');
  await Promise.race([gone, delay(PATIENCE_MS, undefined, { ref: false })]);
  for (const { pid } of [...started, ...descendants(child.pid)]) kill(pid, 'SIGKILL');
  child.kill('SIGKILL');
}
