import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FRAME_BYTES } from '@longshore/tape';
import { pino } from 'pino';
import { type TempFolder, tempFolder } from '../../../../test/harness/temp.ts';
import type { PlanWish } from '../../src/live/choose-plan.ts';
import type { LiveLimits } from '../../src/live/limits.ts';
import { LiveVolumes } from '../../src/live/live-volumes.ts';
import { archiveBytes } from '../../src/live/plan.ts';

const LOOK_AGAIN_MS = 10;
const NEW: PlanWish = { etags: [], from: 'start', anew: false };
const ANEW: PlanWish = { ...NEW, anew: true };

describe('live volumes', () => {
  let temp: TempFolder;
  let log: string[];
  let open: LiveVolumes[];

  beforeEach(async () => {
    temp = await tempFolder('live-volumes');
    log = [];
    open = [];
    for (const name of ['one', 'two', 'three']) {
      mkdirSync(at(name));
      writeFileSync(at(name, 'file'), name);
    }
  });
  afterEach(async () => {
    for (const each of open) await each[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  const at = (...names: string[]) => join(temp.path, ...names);

  function live(limits: Partial<LiveLimits> = {}): LiveVolumes {
    const volumes = new LiveVolumes({
      volumes: new Map(['one', 'two', 'three'].map((name) => [name, at(name)])),
      folder: at('plans'),
      longshore: '0.0.0-test',
      logger: pino({ level: 'debug' }, { write: (line) => log.push(line) }),
      limits,
    });
    open.push(volumes);
    return volumes;
  }

  const plansMade = () => log.filter((line) => line.includes('planned the live volume')).length;
  const threads = () => readdirSync('/proc/self/task').length;

  async function etagOf(volumes: LiveVolumes, name: string, wish = NEW): Promise<string> {
    using held = await volumes.plan(name, wish);
    return held.plan.etag;
  }

  async function read(
    volumes: LiveVolumes,
    name: string,
    range: { start: number; end: number },
  ): Promise<Buffer> {
    using held = await volumes.plan(name, NEW);
    using transfer = volumes.begin();
    const pieces: Buffer[] = [];
    const { signal } = new AbortController();
    for await (const piece of volumes.read(held, { transfer, range, signal }))
      pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  it('are planned once for all who ask at the same time', async () => {
    const volumes = live();
    const etags = await Promise.all(Array.from({ length: 5 }, () => etagOf(volumes, 'one')));
    assert.equal(new Set(etags).size, 1);
    assert.equal(plansMade(), 1);
  });

  it('answer later where planning takes long, and go on with it meanwhile', async () => {
    const volumes = live({ planWaitMs: 0 });
    await assert.rejects(etagOf(volumes, 'one'), { code: 'PLANNING' });
    while (plansMade() === 0) await delay(LOOK_AGAIN_MS);
    await untilFree(() => etagOf(volumes, 'one'));
    assert.equal(plansMade(), 1);
  });

  it('are planned and read by as many at once as there may be', async () => {
    const volumes = live({ plannings: 1, transfers: 2 });
    const first = etagOf(volumes, 'one');
    await delay(0);
    await assert.rejects(etagOf(volumes, 'two'), { code: 'TOO_MANY_TRANSFERS' });
    await first;
    await etagOf(volumes, 'two');
    using one = volumes.begin();
    using _two = volumes.begin();
    assert.throws(() => volumes.begin(), { code: 'TOO_MANY_TRANSFERS' });
    one[Symbol.dispose]();
    volumes.begin()[Symbol.dispose]();
  });

  it('say so where a plan needs more room than there is, and leave nothing of it', async () => {
    await assert.rejects(etagOf(live({ bytes: 10 }), 'one'), { code: 'PLAN_TOO_LARGE' });
    assert.deepEqual([readdirSync(at('plans', 'plans')), readdirSync(at('plans', 'making'))], [[], []]);
  });

  it('make room for a new plan by what was used least recently', async () => {
    const volumes = live();
    using held = await volumes.plan('one', NEW);
    const { catalogBytes } = held.plan;
    const small = live({ bytes: Math.floor(catalogBytes * 2.5) });
    for (const name of ['one', 'two', 'three']) await etagOf(small, name);
    const filesOf = (name: string) =>
      readdirSync(at('plans', 'plans', name)).flatMap((etag) =>
        readdirSync(at('plans', 'plans', name, etag)),
      );
    assert.deepEqual(filesOf('one'), ['plan.json']);
    assert.deepEqual(filesOf('three').sort(), ['plan.json', 'segment-0']);
    const again = await etagOf(small, 'one');
    assert.equal(again, held.plan.etag, 'planned again, and the same');
  });

  it('forget a plan that nobody came back for', async () => {
    await etagOf(live(), 'one');
    const volumes = live({ keepMs: 0 });
    await delay(1);
    await etagOf(volumes, 'two');
    assert.deepEqual(readdirSync(at('plans', 'plans', 'one')), []);
  });

  it('refuse a folder for plans in which others may write', async () => {
    mkdirSync(at('plans', 'plans'), { recursive: true });
    chmodSync(at('plans', 'plans'), 0o777);
    await assert.rejects(etagOf(live(), 'one'), { code: 'BAD_PLAN_FOLDER' });
  });

  it('use threads again, and let go of those that are idle', async () => {
    const volumes = live({ idleThreadMs: 20 });
    await etagOf(volumes, 'one');
    const before = threads();
    for (let n = 0; n < 3; n++) await read(volumes, 'one', { start: 0, end: 1_000 });
    while (threads() > before) await delay(LOOK_AGAIN_MS);
  });

  it('are read at the pace of their reader, in two frames of memory', async () => {
    writeFileSync(at('one', 'large'), '');
    truncateSync(at('one', 'large'), 100 * FRAME_BYTES);
    const volumes = live();
    using held = await volumes.plan('one', ANEW);
    using transfer = volumes.begin();
    const { signal } = new AbortController();
    const range = { start: 0, end: archiveBytes(held.plan) };
    const buffers = new Set<ArrayBufferLike>();
    let bytes = 0;
    for await (const piece of volumes.read(held, { transfer, range, signal })) {
      buffers.add(piece.buffer);
      assert.ok(piece.byteOffset + piece.byteLength <= 2 * FRAME_BYTES);
      bytes += piece.byteLength;
    }
    assert.equal(bytes, range.end);
    assert.equal(buffers.size, 1);
  });

  it('end a download with the signal’s reason, in the middle and while nobody reads', async () => {
    writeFileSync(at('one', 'large'), '');
    truncateSync(at('one', 'large'), 100 * FRAME_BYTES);
    const volumes = live();
    using held = await volumes.plan('one', ANEW);
    using transfer = volumes.begin();
    const over = new AbortController();
    const range = { start: 0, end: archiveBytes(held.plan) };
    const pieces = volumes.read(held, { transfer, range, signal: over.signal });
    await pieces.next();
    over.abort(new Error('left'));
    await assert.rejects(async () => {
      for await (const _ of pieces);
    }, /left/);
    assert.equal((await read(volumes, 'one', { start: 7, end: 600 })).length, 593);
  });

  it('end everything under way when they are closed', async () => {
    writeFileSync(at('one', 'large'), '');
    truncateSync(at('one', 'large'), 100 * FRAME_BYTES);
    const volumes = live();
    using held = await volumes.plan('one', ANEW);
    using transfer = volumes.begin();
    const { signal } = new AbortController();
    const pieces = volumes.read(held, {
      transfer,
      range: { start: 0, end: archiveBytes(held.plan) },
      signal,
    });
    await pieces.next();
    await volumes[Symbol.asyncDispose]();
    await assert.rejects(async () => {
      for await (const _ of pieces);
    });
  });
});

/** Tries until it isn't too early any more. */
async function untilFree<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'PLANNING')) throw error;
      await delay(LOOK_AGAIN_MS);
    }
  }
}
