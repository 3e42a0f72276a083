import { rm } from 'node:fs/promises';
import type { Logger } from 'pino';
import { ProducerError } from '../error.ts';
import { makePlan } from './make-plan.ts';
import type { LivePlan } from './plan.ts';
import type { PlanShelf } from './plan-shelf.ts';

export interface PlanningsOptions {
  /** How many volumes may be planned at once. */
  most: number;
  /** What a plan's segments may take on disk. */
  maxBytes: number;
  /** Longshore's version. */
  longshore: string;
  logger: Logger;
}

export interface PlannedVolume {
  name: string;
  /** Where it is here. */
  path: string;
}

/** The plannings under way. Requests for one volume share one; it goes on when they leave, for when they come again. */
export class Plannings implements AsyncDisposable {
  #options: PlanningsOptions;
  #running = new Map<string, Promise<LivePlan>>();
  #over = new AbortController();

  constructor(options: PlanningsOptions) {
    this.#options = options;
  }

  /** Resolves once the volume's plan is on the shelf. Throws TOO_MANY_TRANSFERS where too many others are planned. */
  plan(volume: PlannedVolume, shelf: PlanShelf): Promise<LivePlan> {
    const running = this.#running.get(volume.name);
    if (running) return running;
    const { most } = this.#options;
    if (this.#running.size >= most)
      throw new ProducerError(
        'TOO_MANY_TRANSFERS',
        `${most} volumes are being planned already, which is all that this server does at once: try again later.`,
      );
    const begun = this.#plan(volume, shelf).finally(() => this.#running.delete(volume.name));
    // Whoever waited may have gone.
    begun.catch(() => undefined);
    this.#running.set(volume.name, begun);
    return begun;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.allSettled(this.#running.values());
  }

  async #plan({ name, path }: PlannedVolume, shelf: PlanShelf): Promise<LivePlan> {
    const { logger, ...options } = this.#options;
    const folder = await shelf.workFolder();
    try {
      const { signal } = this.#over;
      const plan = await makePlan({ volume: name, path, folder, signal, ...options });
      await shelf.put(plan, folder);
      const { etag, files, tapeBytes, tookMs } = plan;
      logger.info({ volume: name, etag, files, tapeBytes, tookMs }, `planned the live volume ${name}`);
      return plan;
    } catch (error) {
      if (!this.#over.signal.aborted)
        logger.warn({ volume: name, err: error }, `the live volume ${name} can't be planned`);
      throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}
