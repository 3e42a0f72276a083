import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { childEnvironment, root } from '../config.ts';

/** What a worker needs to hand its jobs back; after that it's killed, and others take them. */
const PATIENCE_MS = 15_000;
/** A second or two is usual; on a machine that is busy with other things it takes longer. */
const START_MS = 60_000;
const ASK_AGAIN_MS = 50;

export interface ProgramOptions {
  name: string;
  args: readonly string[];
  /** TMPDIR among it. */
  environment: Record<string, string>;
  /** Told when it ends without having been told to. */
  onEnd: (program: Program) => void;
}

/** A `longshore` that runs until it's stopped, and doesn't outlive this process. */
export class Program implements AsyncDisposable {
  readonly name: string;
  readonly #child: ChildProcess;
  #isStopping = false;
  #lastWords = '';

  constructor({ name, args, environment, onEnd }: ProgramOptions) {
    this.name = name;
    this.#child = spawn(process.execPath, [join(root, 'packages/cli/bin/longshore.js'), ...args], {
      env: { ...childEnvironment, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.on('data', (text) => {
      this.#lastWords = (this.#lastWords + text).slice(-2_000);
    });
    running.add(this.#child);
    this.#child.once('exit', () => {
      running.delete(this.#child);
      if (!this.#isStopping) onEnd(this);
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} couldn't be started.`);
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** How it ended, in words. */
  get end(): string {
    const { exitCode, signalCode } = this.#child;
    return signalCode ? `got ${signalCode}` : `ended with exit code ${exitCode}`;
  }

  /** Waits until it has said this, or until `url` answers. Rejects with what it said last when it ends first. */
  async ready(test: { says: string } | { url: string }, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!(await this.#isReady(test))) {
      if (this.hasEnded) throw new Error(`${this.name} ${this.end}: ${this.#lastWords.trim()}`);
      if (performance.now() > deadline)
        throw new Error(`${this.name} isn't ready after ${START_MS / 1_000} s: ${this.#lastWords.trim()}`);
      await delay(ASK_AGAIN_MS, undefined, { signal });
    }
  }

  async #isReady(test: { says: string } | { url: string }): Promise<boolean> {
    if ('says' in test) return this.#lastWords.includes(test.says);
    return fetch(test.url).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    if (this.#child.pid === undefined || this.hasEnded) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MS);
    await gone;
    clearTimeout(timer);
  }
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
