import { on } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { type PlannedRoot, RelayedError } from '@longshore/shared';
import { endThread } from '@longshore/tape';
import { ProducerError } from '../error.ts';
import type { PlannedSegment } from './planner.ts';
import {
  type PlanThreadData,
  type PlanThreadMessage,
  type PlanThreadReply,
  STOP,
  WAITING,
} from './protocol.ts';

export interface PlanningOptions {
  /** The volume's path here. */
  volume: string;
  exclude: string[];
  /** An empty local folder for segments, which the caller removes. */
  spool: string;
  signal: AbortSignal;
}

/**
 * MB for what a walk throws away again, in a server; workers are started with less for all of their threads. An entry
 * lives for microseconds; with V8's own choice a walk of two million files took 50 MB more, and not a second less.
 */
const YOUNG_MB = 8;

function startThread(workerData: PlanThreadData): Thread {
  const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_MB };
  return new Thread(new URL(import.meta.resolve('#plan-thread')), { workerData, resourceLimits });
}

/** The main thread's end of plan-thread.ts. */
export class PlanningThread implements AsyncDisposable {
  #thread: Thread;
  #state: Int32Array<SharedArrayBuffer>;
  #replies: AsyncIterator<[PlanThreadReply]>;
  #signal: AbortSignal;
  #root: PlannedRoot | undefined;

  static async start({ volume, exclude, spool, signal }: PlanningOptions): Promise<PlanningThread> {
    // Listening with an aborted signal throws, and the thread would be left behind.
    signal.throwIfAborted();
    const control = new SharedArrayBuffer(8);
    const workerData: PlanThreadData = { volume, exclude, spool, control };
    const thread = new PlanningThread(startThread(workerData), { control, signal });
    try {
      thread.#root = (await thread.#reply('ready')).root;
      return thread;
    } catch (error) {
      await thread[Symbol.asyncDispose]();
      throw error;
    }
  }

  constructor(thread: Thread, { control, signal }: { control: SharedArrayBuffer; signal: AbortSignal }) {
    this.#thread = thread;
    this.#signal = signal;
    this.#state = new Int32Array(control);
    this.#replies = on(thread, 'message', { signal, close: ['exit'] }) as AsyncIterator<[PlanThreadReply]>;
  }

  /** What the thread opened. */
  get root(): PlannedRoot {
    if (!this.#root) throw new ProducerError('PLANNER_DIED', 'The planning thread has opened no volume.');
    return this.#root;
  }

  async replay(copy: { file: string; digest: string }) {
    this.#send({ kind: 'replay', ...copy });
    const { kind: _, ...place } = await this.#reply('replayed');
    return place;
  }

  async *run(): AsyncGenerator<PlannedSegment> {
    this.#send({ kind: 'run' });
    for (;;) {
      const reply = await this.#reply('segment', 'finished');
      if (reply.kind === 'finished') return;
      yield reply.segment;
      Atomics.sub(this.#state, WAITING, 1);
      Atomics.notify(this.#state, WAITING);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#state, STOP, 1);
    Atomics.notify(this.#state, WAITING);
    await this.#replies.return?.();
    await endThread(this.#thread);
  }

  #send(message: PlanThreadMessage): void {
    this.#thread.postMessage(message);
  }

  async #reply<Kind extends PlanThreadReply['kind']>(
    ...kinds: Kind[]
  ): Promise<Extract<PlanThreadReply, { kind: Kind }>> {
    const reply = await this.#next();
    if (reply?.kind === 'failed') throw new RelayedError(reply.reason);
    if (!isOneOf(reply, kinds))
      throw new ProducerError('PLANNER_DIED', 'The planning thread ended unexpectedly.');
    return reply;
  }

  /** Undefined where the thread ended instead. */
  async #next(): Promise<PlanThreadReply | undefined> {
    try {
      const next = await this.#replies.next();
      return next.done ? undefined : next.value[0];
    } catch (cause) {
      this.#signal.throwIfAborted();
      throw new ProducerError('PLANNER_DIED', 'The planning thread died.', { cause });
    }
  }
}

function isOneOf<Kind extends PlanThreadReply['kind']>(
  reply: PlanThreadReply | undefined,
  kinds: Kind[],
): reply is Extract<PlanThreadReply, { kind: Kind }> {
  return reply !== undefined && kinds.some((kind) => kind === reply.kind);
}
