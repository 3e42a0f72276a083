import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Counters } from '@longshore/shared';

const MAIN = fileURLToPath(new URL('../../packages/cli/bin/longshore.js', import.meta.url));

/** What a finished `longshore` left: `result` is the object that `--json` prints. */
export interface Finished {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  /** Without progress lines. */
  stderr: string;
  result: ExportJson | undefined;
  /** Wall time in ms. */
  elapsed: number;
}

export interface ExportJson {
  export: string;
  archive: { uri: string; bytes: number; parts: number };
  manifest: { uri: string };
  index: { uri: string };
  tape: { bytes: number; crc32: string };
  entries: { count: number; bytes: number };
  drift: { count: number };
  skipped: { count: number };
  seconds: number;
  retries: number;
}

export interface StartOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** A command that runs the one behind it with fewer rights, or elsewhere: `['setpriv', …]`. */
  prefix?: readonly string[];
}

/** A `longshore` that runs as a child process, on this Node, without a terminal. */
export class Longshore implements AsyncDisposable {
  readonly child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #rest = '';
  #counters: Counters | undefined;
  #waiting: { test: (counters: Counters) => boolean; resolve: () => void }[] = [];
  #started = performance.now();
  readonly finished: Promise<Finished>;

  constructor(args: readonly string[], { env = {}, cwd, prefix = [] }: StartOptions = {}) {
    const [command, ...rest] = [...prefix, process.execPath, MAIN, ...args];
    this.child = spawn(command, rest, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (data: Buffer) => {
      this.#stdout += data;
    });
    this.child.stderr?.on('data', (data: Buffer) => this.#hear(data));
    this.finished = this.#finish();
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The newest progress that `--json` printed. */
  get counters(): Counters | undefined {
    return this.#counters;
  }

  /** Resolves when progress fulfils `test`; rejects when the program ends before. */
  async progress(test: (counters: Counters) => boolean): Promise<void> {
    if (this.#counters && test(this.#counters)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ test, resolve });
    const early = this.finished.then(({ exitCode, stderr }) => {
      throw new Error(`longshore ended (${exitCode}) before the progress that was waited for: ${stderr}`);
    });
    early.catch(() => undefined);
    await Promise.race([promise, early]);
  }

  /** Pids of its worker processes. */
  workers(): number[] {
    return descendants(this.pid).filter((pid) => commandLine(pid).includes('--name\0worker-'));
  }

  /** Pid of its private redis-server. */
  redis(): number | undefined {
    return descendants(this.pid).find((pid) => commandLine(pid).includes('redis-server'));
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Ends what still runs, hard. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of [...descendants(this.pid), this.pid]) {
      if (this.child.exitCode === null && this.child.signalCode === null) killIfThere(pid);
    }
    await this.finished;
  }

  #hear(data: Buffer): void {
    const lines = (this.#rest + data).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{"event":"progress"')) this.#progressed(JSON.parse(line));
      else this.#stderr += `${line}\n`;
    }
  }

  #progressed(counters: Counters): void {
    this.#counters = counters;
    for (const { test, resolve } of this.#waiting) if (test(counters)) resolve();
  }

  async #finish(): Promise<Finished> {
    const [exitCode, signal] = (await once(this.child, 'close')) as [number | null, NodeJS.Signals | null];
    return {
      exitCode,
      signal,
      stdout: this.#stdout,
      stderr: this.#stderr + this.#rest,
      result: isObject(this.#stdout) ? JSON.parse(this.#stdout) : undefined,
      elapsed: performance.now() - this.#started,
    };
  }
}

/** One line of JSON; commands that print many print an object in each. */
const isObject = (stdout: string) => stdout.startsWith('{') && stdout.indexOf('\n') === stdout.length - 1;

/** Starts `longshore export SRC --to DEST --json …`. */
export function startExport(
  src: string,
  dest: string,
  options: StartOptions & { args?: string[] } = {},
): Longshore {
  return new Longshore(['export', src, '--to', dest, '--json', ...(options.args ?? [])], options);
}

/** Runs an export to its end. */
export async function runExport(
  src: string,
  dest: string,
  options: StartOptions & { args?: string[] } = {},
): Promise<Finished> {
  await using longshore = startExport(src, dest, options);
  return await longshore.finished;
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}

function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

/** Pids of every process below `root`. */
export function descendants(root: number): number[] {
  const parents = new Map(
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => [Number(name), parentOf(Number(name))]),
  );
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid) ?? 0;
    return parent === root || (parent > 1 && isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow);
}
