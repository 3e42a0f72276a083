import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { processMark, removeAbandoned } from '@longshore/store';
import { LivePlan } from './plan.ts';
import { makePlanFolder } from './plan-folder.ts';

export interface ShelfOptions {
  /** Made where it isn't there. */
  folder: string;
  /** What the segments of all plans may take. */
  maxBytes: number;
  /** How long a plan is remembered since it was last used. */
  keepMs: number;
}

interface Shelved {
  plan: LivePlan;
  /** ms; on disk it's the time of the plan's file. */
  used: number;
  holders: number;
}

/** A plan that stays on disk until it's let go. */
export interface HeldPlan extends Disposable {
  readonly plan: LivePlan;
  /** Where its segments are, each as `segment-N`. */
  readonly folder: string;
}

const PLAN_FILE = 'plan.json';

/**
 * Plans on disk, so that a download can be resumed after the server was started again:
 *
 *     plans/VOLUME/ETAG/plan.json          what is known of the plan
 *                       segment-0, …       its catalog segments, until it has ended
 *     making/MARK…/                        what is being planned; what a killed process left is removed
 *
 * A plan's name is made of its content. So a volume that is planned again, by whichever process, and hasn't changed
 * finds its plan there.
 */
export class PlanShelf {
  #options: ShelfOptions;
  /** By `VOLUME/ETAG`. */
  #shelved = new Map<string, Shelved>();

  static async open(options: ShelfOptions): Promise<PlanShelf> {
    const shelf = new PlanShelf(options);
    await makePlanFolder(options.folder);
    await removeAbandoned(join(options.folder, 'making'));
    await shelf.#load();
    await shelf.tidy();
    return shelf;
  }

  private constructor(options: ShelfOptions) {
    this.#options = options;
  }

  /** Every plan of a volume at this path that is remembered, those that have ended included. */
  plansOf(volume: string, path: string): LivePlan[] {
    return [...this.#shelved.values()]
      .map(({ plan }) => plan)
      .filter((plan) => plan.volume === volume && plan.path === path);
  }

  /** An empty folder to plan in; what isn't put on the shelf, the caller removes. */
  async workFolder(): Promise<string> {
    const folder = join(this.#options.folder, 'making', `${processMark}${randomBytes(6).toString('hex')}`);
    await mkdir(folder, { mode: 0o700 });
    return folder;
  }

  /** Takes a finished plan in, with its folder. One that's there already is new again. */
  async put(plan: LivePlan, folder: string): Promise<void> {
    const place = this.#folderOf(plan);
    await writeFile(join(folder, PLAN_FILE), JSON.stringify(plan));
    await mkdir(join(place, '..'), { recursive: true, mode: 0o700 });
    const known = this.#shelved.get(keyOf(plan));
    if (known && known.plan.ended === undefined) await this.#write(plan);
    else {
      await rm(place, { recursive: true, force: true });
      await rename(folder, place);
    }
    this.#shelved.set(keyOf(plan), { plan, used: Date.now(), holders: known?.holders ?? 0 });
    await this.tidy();
  }

  hold(plan: LivePlan): HeldPlan {
    const shelved = this.#shelved.get(keyOf(plan));
    if (shelved) {
      shelved.holders++;
      this.#touch(shelved);
    }
    let held = true;
    const letGo = () => {
      if (!held) return;
      held = false;
      // Segments that can't be removed now go when the plan is forgotten.
      this.#letGo(plan).catch(() => undefined);
    };
    return { plan, folder: this.#folderOf(plan), [Symbol.dispose]: letGo };
  }

  /** Never serves this plan again, but remembers that it was served. */
  async fail(plan: LivePlan): Promise<void> {
    const shelved = this.#shelved.get(keyOf(plan));
    if (shelved?.plan.ended === undefined) await this.#end(plan, 'failed');
  }

  /** Forgets plans that nobody came back for, and makes room where the others take too much. */
  async tidy(): Promise<void> {
    const idle = [...this.#shelved.values()].filter(({ holders }) => holders === 0);
    const forgotten = Date.now() - this.#options.keepMs;
    for (const { plan, used } of idle) if (used < forgotten) await this.#forget(plan);
    let bytes = 0;
    for (const { plan } of this.#shelved.values()) if (!plan.ended) bytes += plan.catalogBytes;
    // The last one that was used is what somebody is about to read.
    for (const { plan } of idle.sort((a, b) => a.used - b.used).slice(0, -1)) {
      if (bytes <= this.#options.maxBytes) return;
      if (plan.ended || !this.#shelved.has(keyOf(plan))) continue;
      bytes -= plan.catalogBytes;
      await this.#end(plan, 'evicted');
    }
  }

  #folderOf(plan: LivePlan): string {
    return join(this.#options.folder, 'plans', keyOf(plan));
  }

  async #load(): Promise<void> {
    const plans = join(this.#options.folder, 'plans');
    for (const volume of await readdir(plans))
      for (const etag of await readdir(join(plans, volume))) await this.#loadOne(join(plans, volume, etag));
  }

  async #loadOne(folder: string): Promise<void> {
    const file = join(folder, PLAN_FILE);
    const plan = LivePlan.safeParse(await readJson(file));
    if (!plan.success || this.#folderOf(plan.data) !== folder)
      return rm(folder, { recursive: true, force: true });
    const { mtimeMs } = await stat(file);
    this.#shelved.set(keyOf(plan.data), { plan: plan.data, used: mtimeMs, holders: 0 });
  }

  #touch(shelved: Shelved): void {
    shelved.used = Date.now();
    const now = new Date(shelved.used);
    // Lost, it would only be forgotten a little earlier.
    utimes(join(this.#folderOf(shelved.plan), PLAN_FILE), now, now).catch(() => undefined);
  }

  async #letGo(plan: LivePlan): Promise<void> {
    const shelved = this.#shelved.get(keyOf(plan));
    if (!shelved) return;
    shelved.holders--;
    this.#touch(shelved);
    if (shelved.plan.ended && shelved.holders === 0) await this.#removeSegments(shelved.plan);
  }

  async #end(plan: LivePlan, ended: 'failed' | 'evicted'): Promise<void> {
    const shelved = this.#shelved.get(keyOf(plan));
    if (!shelved) return;
    shelved.plan = { ...shelved.plan, ended };
    await this.#write(shelved.plan);
    if (shelved.holders === 0) await this.#removeSegments(shelved.plan);
  }

  /** In one step, so that a server that is killed leaves the one or the other. */
  async #write(plan: LivePlan): Promise<void> {
    const file = join(this.#folderOf(plan), PLAN_FILE);
    const draft = `${file}.${processMark}`;
    await writeFile(draft, JSON.stringify(plan));
    await rename(draft, file);
  }

  async #removeSegments(plan: LivePlan): Promise<void> {
    const folder = this.#folderOf(plan);
    for (const name of await readdir(folder))
      if (name !== PLAN_FILE) await rm(join(folder, name), { force: true });
  }

  async #forget(plan: LivePlan): Promise<void> {
    this.#shelved.delete(keyOf(plan));
    await rm(this.#folderOf(plan), { recursive: true, force: true });
  }
}

const keyOf = ({ volume, etag }: LivePlan) => `${volume}/${etag}`;

/** Undefined where it isn't there, or isn't JSON. */
async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    return undefined;
  }
}
