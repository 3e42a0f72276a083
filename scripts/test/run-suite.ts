import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { childEnvironment, root } from '../config.ts';
import { kill } from '../processes.ts';
import type { Failure, Outcome } from './outcome.ts';
import { remaining } from './process-group.ts';
import { isReport } from './report.ts';
import type { Suite } from './suites.ts';

/** How long a suite may take to end once its last test has, or once it was interrupted. */
const ENDING_MS = 30_000;

/** How long a suite may take, on the slowest machine that anybody tests on. */
const SUITE_MS = 75 * 60_000;

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
  const outcome: Outcome = { passed: 0, failures: [] };
  const limit = setTimeout(() => {
    outcome.failures.push({ code: 'TOO_LONG', message: `it was ended after ${suiteMs / 60_000} minutes` });
    interrupt();
  }, suiteMs);
  try {
    await (suite.reports ? runTests(child, { endingMs, outcome }) : runCheck(child, outcome));
    return outcome;
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
async function runCheck(child: ChildProcess, outcome: Outcome): Promise<void> {
  const [code] = await once(child, 'exit');
  if (code === 0) outcome.passed++;
  else outcome.failures.push({ code: 'FAILED', message: `it exited with ${code}` });
}

interface Tested {
  outcome: Outcome;
  endingMs: number;
}

async function runTests(child: ChildProcess, { outcome, endingMs }: Tested): Promise<void> {
  const { failures } = outcome;
  const last = await follow(child, { outcome, endingMs });
  if (last !== undefined) failures.push({ code: 'NO_REPORT', message: `its process ended during ${last}` });
  const left = await remaining(pidOf(child));
  if (left.length > 0) failures.push(leftProcesses(left.map(({ command }) => command)));
}

const leftProcesses = (commands: readonly string[]): Failure => ({
  code: 'LEFT_PROCESSES',
  message: `it left processes running: ${commands.join('; ')}`,
});

/**
 * Takes what the suite's process reports until it ends; one that doesn't end after its last test is killed.
 * Resolves to the last test that began where the process ended before all had, and to undefined where it didn't.
 */
async function follow(child: ChildProcess, { outcome, endingMs }: Tested): Promise<string | undefined> {
  let last: string | undefined = 'its start';
  let timer: NodeJS.Timeout | undefined;
  const hung = () => {
    const message = `its process still ran ${endingMs} ms after its last test`;
    outcome.failures.push({ code: 'HUNG', message });
    child.kill('SIGKILL');
  };
  child.on('message', (report) => {
    if (!isReport(report)) return;
    if (report.test === 'began') last = report.title;
    else if (report.test === 'passed') outcome.passed++;
    else if (report.test === 'failed') outcome.failures.push(report.failure);
    else {
      last = undefined;
      timer = setTimeout(hung, endingMs);
    }
  });
  await once(child, 'exit');
  clearTimeout(timer);
  return last;
}
