import { LongshoreError } from '@longshore/shared';
import type { Logger } from 'pino';
import { withinTime } from '../api/within-time.ts';
import { ProducerError, type ProducerErrorCode } from '../error.ts';
import { choosePlan, type PlanWish } from './choose-plan.ts';
import { LIVE_LIMITS, type LiveLimits } from './limits.ts';
import { piecesOf } from './pieces.ts';
import { type HeldPlan, PlanShelf } from './plan-shelf.ts';
import { type PlannedVolume, Plannings } from './plannings.ts';
import { DriftError } from './transfer.ts';
import { type Transfer, Transfers } from './transfers.ts';

export interface LiveVolumesOptions {
  /** Volume name → its path here. */
  volumes: ReadonlyMap<string, string>;
  /** A local folder for plans, which is made where it isn't there. It's this process's own. */
  folder: string;
  /** `brief`: the folder goes with this process. */
  memory?: 'lasting' | 'brief';
  /** Longshore's version. */
  longshore: string;
  logger: Logger;
  limits?: Partial<LiveLimits>;
}

export interface ReadOptions {
  transfer: Transfer;
  /** Bytes of the archive, `end` exclusive. */
  range: { start: number; end: number };
  signal: AbortSignal;
}

/**
 * Live volumes as tar archives of known length, without staging: the volume is planned, and every range of the plan's
 * tape is rendered when somebody reads it. Plans stand on disk, threads do the reading, and memory is bounded by the
 * number of downloads.
 */
export class LiveVolumes implements AsyncDisposable {
  readonly limits: LiveLimits;
  #options: LiveVolumesOptions;
  #shelf: Promise<PlanShelf> | undefined;
  #plannings: Plannings;
  #transfers: Transfers;

  constructor(options: LiveVolumesOptions) {
    this.#options = options;
    this.limits = { ...LIVE_LIMITS, ...options.limits };
    const { plannings, transfers, idleThreadMs, bytes } = this.limits;
    const { longshore, logger } = options;
    this.#plannings = new Plannings({ most: plannings, maxBytes: bytes, longshore, logger });
    this.#transfers = new Transfers({ most: transfers, idleMs: idleThreadMs });
  }

  /**
   * The plan by which a request is served; the caller lets it go. Rejects with NO_SUCH_VOLUME; VOLUME_NOT_HERE where
   * there's nothing at the volume's path; VOLUME_CHANGED where a download can't be resumed; PLANNING while it takes
   * long; and TOO_MANY_TRANSFERS.
   */
  async plan(name: string, wish: PlanWish): Promise<HeldPlan> {
    const volume = this.#volume(name);
    const shelf = await this.#openShelf();
    const { freshMs } = this.limits;
    const kept = shelf.plansOf(volume.name, volume.path);
    const { memory = 'lasting' } = this.#options;
    const plan =
      choosePlan(wish, { kept, now: Date.now(), freshMs, memory }) ?? (await this.#planned(volume, shelf));
    return shelf.hold(plan);
  }

  /** A place for one download: TOO_MANY_TRANSFERS where there's none. */
  begin(): Transfer {
    return this.#transfers.begin();
  }

  /**
   * Reads a range of the archive, piece by piece; each piece is only good until the next one is asked for. Throws
   * VOLUME_CHANGED where a file isn't as planned any more, and VOLUME_FAILED where the volume can't be read; the log
   * says why.
   */
  async *read(held: HeldPlan, { transfer, range, signal }: ReadOptions): AsyncGenerator<Uint8Array> {
    const { plan, folder } = held;
    const task = { volume: plan.path, root: plan.root, folder, ...piecesOf(range, plan.tapeBytes) };
    try {
      yield* transfer.run(task, signal);
    } catch (error) {
      if (signal.aborted || !(error instanceof LongshoreError)) throw error;
      if (END_OF_PLAN.has(error.code)) await (await this.#openShelf()).fail(plan);
      throw this.#failure(error, held);
    }
  }

  /** Ends everything under way. Plans stay on disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#plannings[Symbol.asyncDispose](), this.#transfers[Symbol.asyncDispose]()]);
  }

  #volume(name: string): PlannedVolume {
    const { volumes } = this.#options;
    const path = volumes.get(name);
    if (path !== undefined) return { name, path };
    const names = [...volumes.keys()].join(', ') || 'none is configured';
    throw new ProducerError(
      'NO_SUCH_VOLUME',
      `There is no volume ${JSON.stringify(name)}; there is: ${names}.`,
    );
  }

  async #planned(volume: PlannedVolume, shelf: PlanShelf) {
    const { planWaitMs } = this.limits;
    const message = `The volume ${volume.name} is being planned, which takes longer than ${planWaitMs / 1_000} s: ask again later.`;
    try {
      return await withinTime(this.#plannings.plan(volume, shelf), {
        ms: planWaitMs,
        code: 'PLANNING',
        message,
      });
    } catch (error) {
      throw planFailure(error, volume.name);
    }
  }

  /** Nothing is made on disk before it's needed. */
  #openShelf(): Promise<PlanShelf> {
    const { folder } = this.#options;
    const { bytes, keepMs } = this.limits;
    this.#shelf ??= PlanShelf.open({ folder, maxBytes: bytes, keepMs });
    this.#shelf.catch(() => {
      this.#shelf = undefined;
    });
    return this.#shelf;
  }

  #failure(error: LongshoreError<string>, { plan }: HeldPlan): ProducerError {
    const { volume, etag } = plan;
    const { logger } = this.#options;
    if (error instanceof DriftError) {
      const { path, kind } = error.drift;
      logger.warn({ volume, etag, path, kind }, `a download of ${volume} was cut off: ${path} is ${kind}`);
      return new ProducerError(
        'VOLUME_CHANGED',
        `The volume ${volume} has changed since it was planned: begin anew.`,
      );
    }
    logger.error({ volume, etag, err: error }, `a download of ${volume} was cut off`);
    return new ProducerError('VOLUME_FAILED', `The volume ${volume} can't be read any more.`, {
      cause: error,
    });
  }
}

/**
 * After these a plan isn't used again: a file has changed, or the plan itself is damaged. A volume that went away may
 * come back as it was.
 */
const END_OF_PLAN: ReadonlySet<string> = new Set(['DRIFT', 'CORRUPT', 'INTERNAL']);

interface Meaning {
  code: ProducerErrorCode;
  message: (volume: string) => string;
}

const NOT_HERE: Meaning = {
  code: 'VOLUME_NOT_HERE',
  message: (volume) =>
    `This server can't read the volume ${volume}, as its workers may: mount it here too, or export it.`,
};

/** How planning fails, in words that tell nothing of where the volume is. */
const PLAN_FAILURES: Readonly<Record<string, Meaning>> = {
  VOLUME_MISSING: NOT_HERE,
  VOLUME_GONE: NOT_HERE,
  IO: NOT_HERE,
  TAPE_TOO_LONG: {
    code: 'PLAN_TOO_LARGE',
    message: (volume) => `The volume ${volume} is larger than any archive: export its folders one by one.`,
  },
  SPOOL_FULL: {
    code: 'PLAN_TOO_LARGE',
    message: (volume) => `The server's disk has no room to plan the volume ${volume}.`,
  },
};

function planFailure(error: unknown, volume: string): unknown {
  const meaning = error instanceof LongshoreError ? PLAN_FAILURES[error.code] : undefined;
  return meaning ? new ProducerError(meaning.code, meaning.message(volume), { cause: error }) : error;
}
