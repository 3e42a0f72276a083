import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment, root } from '../config.ts';
import { kill } from '../processes.ts';
import { type Counts, FAILED, isCounts, PASSED, sum } from './counts.ts';
import { remaining } from './process-group.ts';
import type { Suite } from './suites.ts';

/** How long a suite may take to end once its last test has, or once it was interrupted. */
const ENDING_MS = 30_000;

/** How long a suite may take: twice what the longest one does, servers built from their sources included. */
const SUITE_MS = 55 * 60_000;

/** What makes a suite fail whatever its tests say. */
export interface Fault {
  code: 'NO_REPORT' | 'TOO_LONG' | 'HUNG' | 'LEFT_PROCESSES';
  message: string;
}

/** A suite's tests, one more failed one for each fault, and the faults. */
export interface Outcome extends Counts {
  faults: Fault[];
}

export interface RunOptions {
  /** Interrupts the suite: it may clean up, and is killed if that takes too long. */
  signal?: AbortSignal;
  /** Where the suite's output goes: to this process's, nowhere, or to an open file. */
  output?: 'inherit' | 'ignore' | number;
  /** Milliseconds from the last test to the end of the process. */
  endingMs?: number;
  /** Milliseconds after which it's interrupted. */
  suiteMs?: number;
}

/** Runs a suite in a process group of its own, of which nothing is left when this returns. */
export async function runSuite(suite: Suite, options: RunOptions = {}): Promise<Outcome> {
  const { signal, output = 'inherit', endingMs = ENDING_MS, suiteMs = SUITE_MS } = options;
  const child = spawn(process.execPath, suite.command, {
    cwd: root,
    env: childEnvironment,
    stdio: ['ignore', output, output, suite.reports ? 'ipc' : 'ignore'],
    detached: true,
  });
  const group = pidOf(child);
  const interrupt = () => {
    kill(-group, 'SIGINT');
    setTimeout(() => kill(-group, 'SIGKILL'), endingMs).unref();
  };
  signal?.addEventListener('abort', interrupt);
  const faults: Fault[] = [];
  const limit = setTimeout(() => {
    faults.push({ code: 'TOO_LONG', message: `it was ended after ${suiteMs / 60_000} minutes` });
    interrupt();
  }, suiteMs);
  try {
    return await (suite.reports ? tested(child, { endingMs, faults }) : checked(child, faults));
  } finally {
    clearTimeout(limit);
    signal?.removeEventListener('abort', interrupt);
    kill(-group, 'SIGKILL');
  }
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error(`${process.execPath} can't be started`);
  return pid;
}

/** A check is one test, which passes if it exits with 0. */
async function checked(child: ChildProcess, faults: Fault[]): Promise<Outcome> {
  const [code] = await once(child, 'exit');
  return { ...(code === 0 ? PASSED : FAILED), faults };
}

async function tested(
  child: ChildProcess,
  { endingMs, faults }: { endingMs: number; faults: Fault[] },
): Promise<Outcome> {
  const counts = await report(child, endingMs, faults);
  if (!counts) faults.push({ code: 'NO_REPORT', message: 'its process ended without a report' });
  const left = await remaining(pidOf(child));
  if (left.length > 0)
    faults.push({
      code: 'LEFT_PROCESSES',
      message: `it left processes running: ${left.map(({ command }) => command).join('; ')}`,
    });
  return { ...sum([...(counts ? [counts] : []), ...faults.map(() => FAILED)]), faults };
}

/** What the suite's process reports before it ends; one that doesn't end after its report is killed. */
async function report(child: ChildProcess, endingMs: number, faults: Fault[]): Promise<Counts | undefined> {
  let counts: Counts | undefined;
  let timer: NodeJS.Timeout | undefined;
  child.on('message', (message) => {
    if (!isCounts(message)) return;
    counts = message;
    timer = setTimeout(() => {
      faults.push({ code: 'HUNG', message: `its process still ran ${endingMs} ms after its last test` });
      child.kill('SIGKILL');
    }, endingMs);
  });
  await once(child, 'exit');
  clearTimeout(timer);
  return counts;
}
