import { failureOf } from '@longshore/shared';
import type { Logger } from 'pino';

/** How long a trouble that goes on isn't mentioned again. */
const REMINDER_MS = 60_000;

/** Says that Redis can't be used once, and not once for each command that fails; and that it can again. */
export class RedisHealth {
  #logger: Logger;
  #saidAt: number | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  failed(error: Error): void {
    const now = Date.now();
    if (this.#saidAt !== undefined && now - this.#saidAt < REMINDER_MS) return;
    this.#saidAt = now;
    const { code, message } = failureOf(error);
    this.#logger.warn({ code }, `Redis can't be used: ${message}; waiting for it.`);
  }

  /** To be called where Redis has just done something. */
  works(): void {
    if (this.#saidAt !== undefined) this.#logger.info('Redis can be used again.');
    this.#saidAt = undefined;
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
