import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker as Thread } from 'node:worker_threads';
import { RelayedError } from '@longshore/shared';
import { endThread } from '@longshore/tape';
import { WorkerError } from '../error.ts';
import { BLOCK_BYTES, FIRST_OWNER, type OutputMemory } from './output-memory.ts';
import type { Rendered, RenderReply, RenderTask, RenderThreadData } from './protocol.ts';

/** A thread looks at its stop flag once per frame; at the highest level a frame takes seconds. */
const STOP_PATIENCE_MS = 1_500;

/** An item that was rendered; its memory goes back to the threads when it's disposed of. */
export interface RenderedOutput extends Disposable {
  rendered: Rendered;
  /** Compressed bytes in memory; empty where the task's output is a file. */
  chunks: Uint8Array[];
}

interface Waiter {
  resolve(thread: RenderThread): void;
  reject(reason: unknown): void;
}

/** A fixed number of render threads; one that dies is replaced. A task waits for a free one. */
export class RenderThreads implements AsyncDisposable {
  #count: number;
  #idle: RenderThread[] = [];
  #all = new Set<RenderThread>();
  #waiting: Waiter[] = [];
  #memory: OutputMemory;
  #nextOwner = FIRST_OWNER;
  #closed = false;

  /** `memory` is what they fill. */
  constructor(count: number, memory: OutputMemory) {
    this.#count = count;
    this.#memory = memory;
    for (let started = 0; started < count; started++) this.#idle.push(this.#start());
  }

  /**
   * Rejects with the signal's reason once it's aborted, with the task's own error, with the system's (and its `code`)
   * where the output's file can't be written, or with THREAD_DIED.
   */
  async render(task: RenderTask, signal: AbortSignal): Promise<RenderedOutput> {
    const thread = await this.#acquire(signal);
    try {
      const reply = await thread.render(task, signal);
      if (reply.kind === 'failed') throw new RelayedError(reply.reason);
      if (reply.kind === 'unwritable') throw Object.assign(new Error(reply.message), { code: reply.errno });
      return this.#output(reply);
    } finally {
      this.#release(thread);
    }
  }

  /** Ends the threads, and with them what is being rendered: THREAD_DIED. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(died());
    await Promise.all([...this.#all].map((thread) => thread[Symbol.asyncDispose]()));
  }

  #output({ rendered, blocks }: Extract<RenderReply, { kind: 'rendered' }>): RenderedOutput {
    const lengthOf = (index: number) => Math.min(BLOCK_BYTES, rendered.bytes - index * BLOCK_BYTES);
    return {
      rendered,
      chunks: blocks.map((block, index) => this.#memory.view(block, lengthOf(index))),
      [Symbol.dispose]: () => this.#memory.free(blocks),
    };
  }

  #start(): RenderThread {
    const place = { memory: this.#memory, owner: this.#nextOwner++ };
    const thread = new RenderThread(place, () => this.#lost(thread));
    this.#all.add(thread);
    return thread;
  }

  /** Another one is started for who waits, or when it's wanted: one that can't live isn't started over and over. */
  #lost(thread: RenderThread): void {
    if (!this.#all.delete(thread)) return;
    this.#idle = this.#idle.filter((idle) => idle !== thread);
    const waiter = this.#waiting.shift();
    if (!waiter) return;
    try {
      waiter.resolve(this.#start());
    } catch (error) {
      waiter.reject(died(error));
    }
  }

  async #acquire(signal: AbortSignal): Promise<RenderThread> {
    signal.throwIfAborted();
    if (this.#closed) throw died();
    const idle = this.#idle.pop();
    if (idle) return idle;
    if (this.#all.size < this.#count) return this.#start();
    const { promise, resolve, reject } = Promise.withResolvers<RenderThread>();
    const waiter = { resolve, reject };
    const giveUp = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      reject(signal.reason);
    };
    this.#waiting.push(waiter);
    signal.addEventListener('abort', giveUp, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', giveUp));
  }

  /** Gives a thread its next task; one that was lost has been replaced already. */
  #release(thread: RenderThread): void {
    if (!this.#all.has(thread)) return;
    const next = this.#waiting.shift();
    if (next) next.resolve(thread);
    else this.#idle.push(thread);
  }
}

function died(cause?: unknown): WorkerError {
  return new WorkerError('THREAD_DIED', 'A rendering thread died; its item is packed again.', { cause });
}

const blocksOf = (reply: RenderReply) => (reply.kind === 'rendered' ? reply.blocks : []);

/** The main thread's end of render-thread.ts: one task at a time. */
class RenderThread implements AsyncDisposable {
  #stop = new Int32Array(new SharedArrayBuffer(4));
  #memory: OutputMemory;
  /** Whether somebody waits for a reply: nobody does where the thread was left behind. */
  #awaited = false;
  #thread: Thread;
  #onLost: () => void;

  /** `onLost` is called when the thread can't be used any more. */
  constructor({ memory, owner }: { memory: OutputMemory; owner: number }, onLost: () => void) {
    this.#memory = memory;
    this.#onLost = onLost;
    const workerData: RenderThreadData = { stop: this.#stop.buffer, memory: memory.handle, owner };
    this.#thread = new Thread(new URL(import.meta.resolve('#render-thread')), { workerData });
    // Before anything else happens: the thread may end before who waits for the reply gets to see it.
    this.#thread.on('message', (reply: RenderReply) => {
      if (this.#awaited) memory.handOver(blocksOf(reply));
    });
    this.#thread.once('exit', () => memory.freeAllOf(owner));
    this.#thread.once('exit', onLost);
    // A task that is under way hears of it in `render`; without a listener it would end the process.
    this.#thread.on('error', onLost);
  }

  async render(task: RenderTask, signal: AbortSignal): Promise<RenderReply> {
    Atomics.store(this.#stop, 0, 0);
    const over = new AbortController();
    const ends = [this.#reply(over.signal), this.#death(over.signal), this.#whenStopped(signal, over.signal)];
    this.#awaited = true;
    this.#thread.postMessage(task);
    try {
      const reply = await Promise.race(ends);
      if (signal.aborted) this.#memory.free(blocksOf(reply));
      signal.throwIfAborted();
      return reply;
    } catch (error) {
      signal.throwIfAborted();
      throw died(error);
    } finally {
      this.#awaited = false;
      over.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#stop, 0, 1);
    await endThread(this.#thread);
  }

  /** Also rejects with what the thread dies of. */
  async #reply(over: AbortSignal): Promise<RenderReply> {
    const [reply]: [RenderReply] = (await once(this.#thread, 'message', { signal: over })) as [RenderReply];
    return reply;
  }

  async #death(over: AbortSignal): Promise<never> {
    const [code] = await once(this.#thread, 'exit', { signal: over });
    throw new Error(`it ended with ${code}`);
  }

  /**
   * Once `signal` is aborted: asks the thread to stop, and where it doesn't in time, goes on without it. It ends
   * when it can, which is never in a read from a server that is gone: nobody waits for that.
   */
  async #whenStopped(signal: AbortSignal, over: AbortSignal): Promise<never> {
    if (!signal.aborted) await once(signal, 'abort', { signal: over });
    Atomics.store(this.#stop, 0, 1);
    await delay(STOP_PATIENCE_MS, undefined, { signal: over });
    void this.#thread.terminate();
    this.#onLost();
    throw signal.reason;
  }
}
