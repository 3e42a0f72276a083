import { Redis } from 'ioredis';
import { Killed } from '../harness/mortal-store.ts';

/** How many calls a process makes in its life: after the last one was answered, nothing of it gets out any more. */
export class Calls {
  made = 0;
  readonly #allowed: number;
  #atDeath: (() => void)[] = [];

  constructor(allowed: number) {
    this.#allowed = allowed;
  }

  get over(): boolean {
    return this.made >= this.#allowed;
  }

  atDeath(act: () => void): void {
    this.#atDeath.push(act);
  }

  assertAlive(): void {
    if (this.over) throw new Killed(`killed after ${this.#allowed} calls`);
  }

  /** Makes one call. Its answer doesn't reach a process that dies with it. */
  async make<T>(call: () => T | Promise<T>): Promise<T> {
    this.assertAlive();
    this.made++;
    const answer = await call();
    this.#dieIfOver();
    return answer;
  }

  /** Counts a call that was made elsewhere, and is answered when `answer` is settled. */
  count(answer: Promise<unknown>): void {
    this.made++;
    const look = () => void (this.over && this.#die());
    answer.then(look, look);
  }

  #dieIfOver(): void {
    if (!this.over) return;
    this.#die();
    this.assertAlive();
  }

  #die(): void {
    for (const act of this.#atDeath.splice(0)) act();
  }
}

/** Commands by which a connection is set up, and which aren't what a program asks for. */
const SET_UP: ReadonlySet<string> = new Set(['hello', 'client', 'info', 'select', 'auth', 'ready']);

/** A connection whose process dies when so many commands were answered; those of one pipeline are sent together. */
export class MortalRedis extends Redis {
  readonly #calls: Calls;
  #pipelines = new WeakSet<object>();

  constructor(path: string, calls: Calls) {
    super(path, { maxRetriesPerRequest: 0, retryStrategy: () => null });
    this.#calls = calls;
    calls.atDeath(() => this.disconnect());
    this.on('error', () => undefined);
  }

  override sendCommand(...[command, stream]: Parameters<Redis['sendCommand']>): unknown {
    if (this.#calls && !SET_UP.has(command.name) && this.#isNew(stream)) this.#calls.count(command.promise);
    return super.sendCommand(command, stream);
  }

  #isNew(stream: object | undefined): boolean {
    if (!stream) return true;
    const isNew = !this.#pipelines.has(stream);
    this.#pipelines.add(stream);
    return isNew;
  }
}

/** A store as a mortal process sees it: every call counts, whether it changes something or not. */
export function mortalStore<T extends object>(store: T, calls: Calls): T {
  return new Proxy(store, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function' || typeof name === 'symbol') return value;
      const call = value.bind(target);
      return (...args: unknown[]) => mortalCall(() => call(...args), calls);
    },
  });
}

/** Listings count when they are opened; everything else, when it's answered. */
function mortalCall(call: () => unknown, calls: Calls): unknown {
  calls.assertAlive();
  const answer = call();
  if (answer instanceof Promise) return calls.make(() => answer);
  calls.count(Promise.resolve());
  return answer;
}
