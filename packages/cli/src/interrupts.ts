import { CliError } from './error.ts';

/** While it lives, SIGINT and SIGTERM abort a signal instead of ending the process. */
export class Interrupts implements Disposable {
  #controller = new AbortController();
  #interrupt = (signal: NodeJS.Signals) => {
    this.#controller.abort(new CliError('INTERRUPTED', `Interrupted by ${signal}; nothing was left behind.`));
  };

  constructor() {
    process.on('SIGINT', this.#interrupt);
    process.on('SIGTERM', this.#interrupt);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends what `signal` watches over with an error of another kind. */
  fail(error: Error): void {
    this.#controller.abort(error);
  }

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#interrupt);
    process.off('SIGTERM', this.#interrupt);
  }
}
