import { CliError } from './error.ts';
import { EXIT } from './exit-codes.ts';

/** A terminal and the programs in between may deliver one Ctrl-C several times; after this it's another one. */
export const IMPATIENT_MS = 1_000;

/** Private workers and their Redis end with this process; a store that doesn't answer can't be cleared. */
function giveUp(): never {
  process.stderr.write(
    'longshore: Interrupted again while clearing up: an open upload or a work area may be left.\n',
  );
  process.exit(EXIT.interrupted);
}

/** While it lives, SIGINT and SIGTERM abort a signal instead of ending the process. */
export class Interrupts implements Disposable {
  #controller = new AbortController();
  #interruptedAt: number | undefined;
  #interrupt = (signal: NodeJS.Signals) => {
    const now = Date.now();
    this.#interruptedAt ??= now;
    if (now - this.#interruptedAt > IMPATIENT_MS) giveUp();
    this.#controller.abort(new CliError('INTERRUPTED', `Interrupted by ${signal}; ${this.#aftermath}.`));
  };
  #aftermath: string;

  /** `aftermath`: how things are when an interrupted command has ended. */
  constructor(aftermath = 'nothing was left behind') {
    this.#aftermath = aftermath;
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
