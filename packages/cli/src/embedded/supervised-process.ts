import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that dies within this time of its start counts as one that can't be started. */
const SHORT_LIFE_MS = 3_000;
const MAX_SHORT_LIVES = 5;
const RESTART_DELAY_MS = 200;
const STOP_PATIENCE_MS = 3_000;

export interface ProcessCommand {
  file: string;
  args: string[];
  options: SpawnOptions;
}

/**
 * A child process that is started again whenever it dies, as a cluster would. One that keeps dying at once is
 * given up: `onGivenUp` gets its last words.
 */
export class SupervisedProcess implements AsyncDisposable {
  #command: ProcessCommand;
  #onGivenUp: (lastWords: string) => void;
  #child: ChildProcess | undefined;
  #stopping = false;
  #shortLives = 0;
  #lastWords = '';

  constructor(command: ProcessCommand, onGivenUp: (lastWords: string) => void) {
    this.#command = command;
    this.#onGivenUp = onGivenUp;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** SIGTERM, and SIGKILL where that isn't heeded; resolves when the process is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const ended = await Promise.race([gone, delay(STOP_PATIENCE_MS, 'late' as const, { ref: false })]);
    if (ended === 'late') child.kill('SIGKILL');
    await gone;
  }

  #start(): void {
    const { file, args, options } = this.#command;
    const born = Date.now();
    const child = spawn(file, args, options);
    this.#child = child;
    for (const output of [child.stdout, child.stderr])
      output?.on('data', (data: Buffer) => {
        this.#lastWords = data.toString().trim().split('\n').at(-1) ?? '';
      });
    child.once('error', (error) => this.#ended(born, error.message));
    child.once('exit', () => this.#ended(born, this.#lastWords));
  }

  #ended(born: number, lastWords: string): void {
    if (this.#stopping) return;
    this.#shortLives = Date.now() - born < SHORT_LIFE_MS ? this.#shortLives + 1 : 0;
    if (this.#shortLives >= MAX_SHORT_LIVES) {
      this.#stopping = true;
      this.#onGivenUp(lastWords);
      return;
    }
    setTimeout(() => this.#stopping || this.#start(), RESTART_DELAY_MS);
  }
}
