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
  /** What it's told to end by: SIGTERM, unless there's nothing that it should still do. */
  endSignal?: 'SIGKILL';
}

/** Why a process isn't started any more: there's no such program, or it dies at once whenever it's started. */
export interface GivenUp {
  kind: 'missing' | 'dying';
  lastWords: string;
}

/** A child process that is started again whenever it dies, as a cluster would; until it's given up. */
export class SupervisedProcess implements AsyncDisposable {
  #command: ProcessCommand;
  #onGivenUp: (end: GivenUp) => void;
  #child: ChildProcess | undefined;
  #stopping = false;
  #shortLives = 0;
  #lastWords = '';

  constructor(command: ProcessCommand, onGivenUp: (end: GivenUp) => void) {
    this.#command = command;
    this.#onGivenUp = onGivenUp;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Tells it to end, and kills it where it doesn't heed that; resolves when the process is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(this.#command.endSignal ?? 'SIGTERM');
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
    child.once('error', (error) => this.#failed(born, error));
    child.once('exit', () => this.#ended(born, this.#lastWords));
  }

  #failed(born: number, error: NodeJS.ErrnoException): void {
    if (error.code === 'ENOENT') this.#giveUp({ kind: 'missing', lastWords: error.message });
    else this.#ended(born, error.message);
  }

  #ended(born: number, lastWords: string): void {
    if (this.#stopping) return;
    this.#shortLives = Date.now() - born < SHORT_LIFE_MS ? this.#shortLives + 1 : 0;
    if (this.#shortLives >= MAX_SHORT_LIVES) this.#giveUp({ kind: 'dying', lastWords });
    else setTimeout(() => this.#stopping || this.#start(), RESTART_DELAY_MS);
  }

  #giveUp(end: GivenUp): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#onGivenUp(end);
  }
}
