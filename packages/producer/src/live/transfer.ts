import { on } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { RelayedError } from '@longshore/shared';
import { type DriftFound, endThread, FRAME_BYTES } from '@longshore/tape';
import { ProducerError } from '../error.ts';
import {
  FREE,
  SLOTS,
  STOP,
  type TransferReply,
  type TransferTask,
  type TransferThreadData,
} from './transfer-protocol.ts';

/** What a transfer fails with where a file isn't as planned any more. */
export class DriftError extends RelayedError {
  readonly drift: DriftFound;

  constructor(reason: string, drift: DriftFound) {
    super(reason);
    this.drift = drift;
  }
}

/** MB for what is thrown away again, as planned entries are: with V8's own choice eight threads took 130 MB more. */
const YOUNG_MB = 8;

/** The main thread's end of transfer-thread.ts: one transfer at a time. */
export class TransferThread implements AsyncDisposable {
  #thread: Thread;
  #buffer = new SharedArrayBuffer(SLOTS * FRAME_BYTES);
  #state = new Int32Array(new SharedArrayBuffer(8));
  #replies: AsyncIterator<[TransferReply]>;

  constructor() {
    const workerData: TransferThreadData = { buffer: this.#buffer, control: this.#state.buffer };
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
    this.#thread = new Thread(new URL(import.meta.resolve('#transfer-thread')), {
      workerData,
      resourceLimits,
    });
    this.#replies = on(this.#thread, 'message', { close: ['exit'] }) as AsyncIterator<[TransferReply]>;
  }

  /**
   * Gives the task's bytes, piece by piece; each is only good until the next one is asked for. Throws the signal's
   * reason once it's aborted, DriftError, the thread's error, or TRANSFER_DIED. The thread is free when it ends.
   */
  async *run(task: TransferTask, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.throwIfAborted();
    Atomics.store(this.#state, STOP, 0);
    Atomics.store(this.#state, FREE, SLOTS);
    const stop = () => this.#stop();
    signal.addEventListener('abort', stop, { once: true });
    this.#thread.postMessage(task);
    let last: TransferReply | undefined;
    try {
      for (last = await this.#reply(); last.kind === 'filled'; last = await this.#reply()) {
        yield new Uint8Array(this.#buffer, last.slot * FRAME_BYTES, last.bytes);
        this.#free();
      }
      signal.throwIfAborted();
      if (last.kind === 'failed') throw errorOf(last);
    } finally {
      signal.removeEventListener('abort', stop);
      if (last?.kind === 'filled') await this.#drain();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await endThread(this.#thread);
  }

  #free(): void {
    Atomics.add(this.#state, FREE, 1);
    Atomics.notify(this.#state, FREE);
  }

  #stop(): void {
    Atomics.store(this.#state, STOP, 1);
    Atomics.notify(this.#state, FREE);
  }

  /** The thread says so when it has stopped. In a read from a server that is gone it stays, and so does its transfer. */
  async #drain(): Promise<void> {
    this.#stop();
    while ((await this.#reply()).kind === 'filled');
  }

  async #reply(): Promise<TransferReply> {
    const next = await this.#replies.next().catch((cause) => {
      throw died(cause);
    });
    if (next.done) throw died();
    return next.value[0];
  }
}

function errorOf({ reason, drift }: Extract<TransferReply, { kind: 'failed' }>): Error {
  return drift ? new DriftError(reason, drift) : new RelayedError(reason);
}

function died(cause?: unknown): ProducerError {
  return new ProducerError('TRANSFER_DIED', 'The thread that reads the volume died.', { cause });
}
