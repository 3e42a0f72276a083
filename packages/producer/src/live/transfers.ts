import { ProducerError } from '../error.ts';
import { TransferThread } from './transfer.ts';
import type { TransferTask } from './transfer-protocol.ts';

export interface TransfersOptions {
  /** How many there may be at once. */
  most: number;
  /** How long a thread is kept for the next transfer. */
  idleMs: number;
}

/** A place for one transfer. */
export interface Transfer extends Disposable {
  /** The bytes, piece by piece; each is only good until the next one is asked for. */
  run(task: TransferTask, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

interface Idle {
  thread: TransferThread;
  timer: NodeJS.Timeout;
}

/** The transfers under way, each with a thread of its own; a thread that has become free is used again. */
export class Transfers implements AsyncDisposable {
  #options: TransfersOptions;
  #active = 0;
  #idle: Idle[] = [];
  #threads = new Set<TransferThread>();
  #over = new AbortController();

  constructor(options: TransfersOptions) {
    this.#options = options;
  }

  /** Throws TOO_MANY_TRANSFERS where there are as many as may be. */
  begin(): Transfer {
    const { most } = this.#options;
    if (this.#active >= most)
      throw new ProducerError(
        'TOO_MANY_TRANSFERS',
        `${most} live volumes are being downloaded already, which is all that this server does at once: try again later.`,
      );
    this.#active++;
    let begun = true;
    const end = () => {
      if (begun) this.#active--;
      begun = false;
    };
    return { run: (task, signal) => this.#run(task, signal), [Symbol.dispose]: end };
  }

  /** Ends all transfers under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer);
    await Promise.all([...this.#threads].map((thread) => this.#end(thread)));
  }

  async *#run(task: TransferTask, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const thread = this.#take();
    let died = false;
    try {
      yield* thread.run(task, AbortSignal.any([signal, this.#over.signal]));
    } catch (error) {
      died = error instanceof ProducerError && error.code === 'TRANSFER_DIED';
      throw error;
    } finally {
      this.#giveBack(thread, { died });
    }
  }

  #take(): TransferThread {
    const idle = this.#idle.pop();
    if (idle) clearTimeout(idle.timer);
    const thread = idle?.thread ?? new TransferThread();
    this.#threads.add(thread);
    return thread;
  }

  #giveBack(thread: TransferThread, { died }: { died: boolean }): void {
    if (died || this.#over.signal.aborted) {
      void this.#end(thread);
      return;
    }
    const timer = setTimeout(() => {
      this.#idle = this.#idle.filter((idle) => idle.thread !== thread);
      void this.#end(thread);
    }, this.#options.idleMs);
    this.#idle.push({ thread, timer: timer.unref() });
  }

  async #end(thread: TransferThread): Promise<void> {
    await thread[Symbol.asyncDispose]();
    this.#threads.delete(thread);
  }
}
