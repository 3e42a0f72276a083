import { failureOf } from './error.ts';

/** The part of a logger that is needed here; pino's has it. */
interface Logger {
  warn(fields: object, message: string): void;
  info(message: string): void;
}

/** How long a trouble that goes on isn't mentioned again. */
const REMINDER_MS = 60_000;

/** Nothing may be refused for so long before Redis counts as usable: a full one refuses some commands, and takes others. */
const CALM_MS = 3_000;

/** Says that Redis can't be used once, and not once for each command that fails; and that it can again. */
export class RedisHealth {
  #logger: Logger;
  #saidAt: number | undefined;
  /** Set while it seems to be usable again. */
  #calm: NodeJS.Timeout | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  failed(error: Error): void {
    clearTimeout(this.#calm);
    this.#calm = undefined;
    const now = Date.now();
    if (this.#saidAt !== undefined && now - this.#saidAt < REMINDER_MS) return;
    this.#saidAt = now;
    const { code, message } = failureOf(error);
    this.#logger.warn({ code }, `Redis can't be used: ${message}; waiting for it.`);
  }

  /** Whether it couldn't be used a moment ago. */
  get isTroubled(): boolean {
    return this.#saidAt !== undefined;
  }

  /** To be called where Redis has just done something. Says so when nothing has been refused for a while after. */
  works(): void {
    if (this.#saidAt === undefined || this.#calm) return;
    this.#calm = setTimeout(() => {
      this.#saidAt = undefined;
      this.#calm = undefined;
      this.#logger.info('Redis can be used again.');
    }, CALM_MS).unref();
  }
}

/**
 * Whether an error of BullMQ's is about one job, whose lock is lost, and not about Redis: these carry a number
 * as code, but for one. The attempt at that job hears of it in its own way.
 */
export function isAboutAJob(error: Error): boolean {
  if ('code' in error && typeof error.code === 'number') return true;
  return error.message.startsWith('could not renew lock for job');
}
