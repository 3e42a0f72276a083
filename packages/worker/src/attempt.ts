import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { WorkerError } from './error.ts';

/**
 * Why an attempt ends before its work is done:
 * - `lock-lost`: another worker has the job by now, or will;
 * - `shutdown`: this process leaves; the job goes back at once;
 * - `export-stopped`: the export is suspended or ends; the job is not to run again.
 */
export type StopReason = 'lock-lost' | 'shutdown' | 'export-stopped';

const ASK_AGAIN_MS = 500;

export interface AttemptOptions {
  job: Job;
  token: string;
  lockMs: number;
  /** Told of a Redis that can't be asked, each time. */
  onError?: (error: Error) => void;
}

/** One worker's try at one job. */
export class Attempt {
  /** Unique, and safe in a key: what this attempt writes has a name of its own. */
  readonly id = randomBytes(8).toString('hex');
  readonly job: Job;
  readonly token: string;
  #controller = new AbortController();
  #reason: StopReason | undefined;
  #lockMs: number;
  #onError: AttemptOptions['onError'];

  constructor({ job, token, lockMs, onError }: AttemptOptions) {
    this.job = job;
    this.token = token;
    this.#lockMs = lockMs;
    this.#onError = onError;
    setMaxListeners(0, this.#controller.signal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the attempt was stopped; undefined while it may go on. */
  get stopReason(): StopReason | undefined {
    return this.#reason;
  }

  stop(reason: StopReason): void {
    if (this.signal.aborted) return;
    this.#reason = reason;
    this.#controller.abort(new WorkerError('STOPPED', `The attempt was ended: ${reason}.`));
  }

  /**
   * Rejects unless the job is still this attempt's. Asked right before anything is written that another
   * attempt would not replace: a process that was stopped for minutes doesn't know yet that it's late.
   */
  async assertHeld(): Promise<void> {
    this.signal.throwIfAborted();
    if (!(await this.#extendLock())) this.stop('lock-lost');
    this.signal.throwIfAborted();
  }

  /** A Redis that gives no answer, or refuses, is asked again: it gives the job to nobody else meanwhile. */
  async #extendLock(): Promise<boolean> {
    for (;;) {
      try {
        return (await this.job.extendLock(this.token, this.#lockMs)) === 1;
      } catch (error) {
        this.#onError?.(error instanceof Error ? error : new Error(String(error)));
        await delay(ASK_AGAIN_MS, undefined, { signal: this.signal }).catch(() =>
          this.signal.throwIfAborted(),
        );
      }
    }
  }
}
