import { once } from 'node:events';
import { Worker as Thread } from 'node:worker_threads';
import { RelayedError } from '@longshore/shared';
import { endThread } from '@longshore/tape';
import { RestoreError } from '../error.ts';
import type { Answer } from './serve-tasks.ts';

/** A fixed number of threads that run one script (`serveTasks`), each on one task at a time. */
export class TaskThreads<Task, Reply> implements AsyncDisposable {
  readonly #threads: Thread[];
  readonly #idle: Thread[];
  readonly #waiting: ((thread: Thread) => void)[] = [];
  readonly #over = new AbortController();

  constructor(script: URL, { count, workerData }: { count: number; workerData?: unknown }) {
    this.#threads = Array.from({ length: count }, () => new Thread(script, { workerData }));
    this.#idle = [...this.#threads];
    // What a thread dies of is told to whoever waits for it; without a listener it would end the process.
    for (const thread of this.#threads) thread.on('error', () => this.#over.abort());
  }

  /** Rejects with the task's own error, or with THREAD_DIED. */
  async run(task: Task): Promise<Reply> {
    const thread = await this.#acquire();
    try {
      thread.postMessage(task);
      const [answer] = (await once(thread, 'message', { signal: this.#over.signal })) as [Answer<Reply>];
      if ('reason' in answer) throw new RelayedError(answer.reason);
      return answer.reply;
    } catch (error) {
      if (error instanceof RelayedError) throw error;
      throw new RestoreError('THREAD_DIED', 'A thread died: see whether memory suffices, and try again.', {
        cause: error,
      });
    } finally {
      this.#release(thread);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map(endThread));
  }

  #acquire(): Promise<Thread> {
    const idle = this.#idle.pop();
    if (idle) return Promise.resolve(idle);
    const { promise, resolve } = Promise.withResolvers<Thread>();
    this.#waiting.push(resolve);
    return promise;
  }

  #release(thread: Thread): void {
    const next = this.#waiting.shift();
    if (next) next(thread);
    else this.#idle.push(thread);
  }
}
