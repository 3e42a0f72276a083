import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker as Thread } from 'node:worker_threads';
import { RelayedError } from '@longshore/shared';
import { WorkerError } from '../error.ts';
import {
  OUTPUT_BUFFER_BYTES,
  type Rendered,
  type RenderMessage,
  type RenderReply,
  type RenderTask,
} from './protocol.ts';

/** A thread looks at its stop flag once per frame; at the highest level a frame takes seconds. */
const STOP_PATIENCE_MS = 1_500;

/** An item that was rendered; its buffers go back to the threads when it's disposed of. */
export interface RenderedOutput extends Disposable {
  rendered: Rendered;
  /** Compressed bytes in memory; empty where the task's output is a file. */
  chunks: Uint8Array[];
}

/**
 * A fixed number of render threads. A task waits for a free one; output buffers go back and forth between
 * the threads and this object, so that memory doesn't grow with the items.
 */
export class RenderThreads implements AsyncDisposable {
  #idle: RenderThread[] = [];
  #all = new Set<RenderThread>();
  #waiting: ((thread: RenderThread) => void)[] = [];
  #buffers: ArrayBuffer[] = [];
  #maxBuffers: number;

  constructor(count: number) {
    for (let started = 0; started < count; started++) this.#start();
    // One item of the smallest size in each thread, and one being uploaded.
    this.#maxBuffers = (count + 1) * 8;
  }

  /** Rejects with the signal's reason once it's aborted, with the task's own error, or with THREAD_DIED. */
  async render(task: RenderTask, signal: AbortSignal): Promise<RenderedOutput> {
    const thread = await this.#acquire(signal);
    try {
      const reply = await thread.render({ task, buffers: this.#buffers.splice(-2) }, signal);
      if (reply.kind === 'failed') throw new RelayedError(reply.reason);
      this.#recycle(reply.unused);
      return this.#output(reply);
    } finally {
      this.#release(thread);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all].map((thread) => thread[Symbol.asyncDispose]()));
  }

  #output({ rendered, chunks }: Extract<RenderReply, { kind: 'rendered' }>): RenderedOutput {
    return {
      rendered,
      chunks: chunks.map(({ buffer, bytes }) => new Uint8Array(buffer, 0, bytes)),
      [Symbol.dispose]: () => this.#recycle(chunks.map(({ buffer }) => buffer)),
    };
  }

  #recycle(buffers: ArrayBuffer[]): void {
    const room = this.#maxBuffers - this.#buffers.length;
    this.#buffers.push(
      ...buffers.filter(({ byteLength }) => byteLength === OUTPUT_BUFFER_BYTES).slice(0, room),
    );
  }

  #start(): void {
    const thread = new RenderThread();
    this.#all.add(thread);
    this.#release(thread);
  }

  async #acquire(signal: AbortSignal): Promise<RenderThread> {
    signal.throwIfAborted();
    const idle = this.#idle.pop();
    if (idle) return idle;
    const { promise, resolve, reject } = Promise.withResolvers<RenderThread>();
    const giveUp = () => {
      this.#waiting = this.#waiting.filter((waiter) => waiter !== resolve);
      reject(signal.reason);
    };
    this.#waiting.push(resolve);
    signal.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  #release(thread: RenderThread): void {
    if (thread.dead) {
      this.#all.delete(thread);
      this.#start();
      return;
    }
    const next = this.#waiting.shift();
    if (next) next(thread);
    else this.#idle.push(thread);
  }
}

/** The main thread's end of render-thread.ts: one task at a time. */
class RenderThread implements AsyncDisposable {
  dead = false;
  #stop = new Int32Array(new SharedArrayBuffer(4));
  #thread: Thread;

  constructor() {
    this.#thread = new Thread(new URL('./render-thread.ts', import.meta.url), {
      workerData: this.#stop.buffer,
    });
    this.#thread.once('exit', () => {
      this.dead = true;
    });
    // A task that is under way hears of it too, in `render`; without a listener it would end the process.
    this.#thread.on('error', () => {
      this.dead = true;
    });
  }

  async render(message: RenderMessage, signal: AbortSignal): Promise<RenderReply> {
    Atomics.store(this.#stop, 0, 0);
    const over = new AbortController();
    const ends = [this.#reply(over.signal), this.#death(over.signal), this.#whenStopped(signal, over.signal)];
    this.#thread.postMessage(message, message.buffers);
    try {
      const reply = await Promise.race(ends);
      signal.throwIfAborted();
      return reply;
    } finally {
      over.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dead = true;
    await this.#thread.terminate();
  }

  async #reply(over: AbortSignal): Promise<RenderReply> {
    const [reply]: [RenderReply] = (await once(this.#thread, 'message', { signal: over })) as [RenderReply];
    return reply;
  }

  async #death(over: AbortSignal): Promise<never> {
    await once(this.#thread, 'exit', { signal: over });
    throw new WorkerError('THREAD_DIED', 'A rendering thread died; its item is packed again.');
  }

  /** Once `signal` is aborted: asks the thread to stop, and ends it where it doesn't in time. */
  async #whenStopped(signal: AbortSignal, over: AbortSignal): Promise<never> {
    if (!signal.aborted) await once(signal, 'abort', { signal: over });
    Atomics.store(this.#stop, 0, 1);
    await delay(STOP_PATIENCE_MS, undefined, { signal: over });
    await this[Symbol.asyncDispose]();
    throw signal.reason;
  }
}
