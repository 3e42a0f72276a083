import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  bucketDestination,
  type Destination,
  type DestinationKind,
  directoryDestination,
  publishedNames,
} from '../harness/destination.ts';
import { largeVolume } from '../harness/large-volume.ts';
import { type Longshore, startExport } from '../harness/longshore.ts';
import { processesLeft } from '../harness/processes-of.ts';
import { type Phase, privateRedis, QueueView } from '../harness/queue-view.ts';
import { randomOf, runSeed } from '../harness/seed.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';

interface Moment {
  phase: Phase;
  withinMs: number;
  victims: 'all' | 'one';
}

/**
 * When one export's workers are killed: in a phase, at a random moment within so many ms of its being seen. All
 * of them, where it's to be the one that plans or finalizes; else one, any one.
 */
const MOMENTS: readonly Moment[] = [
  { phase: 'planning', withinMs: 250, victims: 'all' },
  { phase: 'packing', withinMs: 800, victims: 'one' },
  { phase: 'packing', withinMs: 800, victims: 'one' },
  { phase: 'finalizing', withinMs: 300, victims: 'all' },
  { phase: 'finalizing', withinMs: 600, victims: 'all' },
];

/** Most of a run's time is spent waiting for dead workers' locks: so that many exports run side by side. */
const AT_ONCE = 3;

describe('SIGKILL of workers', () => {
  let volume: TempFolder;
  let s3: S3Server;
  let expected: string;
  let seed: number;
  let exports = 0;
  /** The phase that workers were in right before each kill. */
  const kills: Phase[] = [];

  before(async () => {
    volume = await largeVolume();
    s3 = await startS3();
    await using destination = await directoryDestination();
    expected = await exported(destination, async () => undefined);
    seed = runSeed();
  });

  after(async () => {
    await s3.stop();
    await volume[Symbol.asyncDispose]();
  });

  const kinds: readonly DestinationKind[] = [
    { name: 'S3', open: () => bucketDestination(s3) },
    { name: 'a directory', open: directoryDestination },
  ];

  for (const kind of kinds) {
    it(`changes nothing of exports to ${kind.name}, whenever it comes`, async () => {
      const runs = Array.from({ length: AT_ONCE }, async () => {
        const random = randomOf(seed, exports++);
        const moments = [...MOMENTS];
        // A fast machine may end an export before its last moment: then another one has it.
        while (moments.length > 0) {
          await using destination = await kind.open();
          assert.equal(
            await exported(destination, (longshore, temp) =>
              killAtMoments(longshore, { temp, random, moments }),
            ),
            expected,
          );
        }
      });
      await Promise.all(runs);
    }).timeout(300_000);
  }

  it('came at 30 moments, in every phase', () => {
    const count = (phase: Phase) => kills.filter((each) => each === phase).length;
    const counts = {
      planning: count('planning'),
      packing: count('packing'),
      finalizing: count('finalizing'),
    };
    console.log(`      ${JSON.stringify(counts)}`);
    assert.equal(kills.length, kinds.length * AT_ONCE * MOMENTS.length);
    for (const phase of ['planning', 'packing', 'finalizing'] as const) assert.ok(counts[phase] >= 3, phase);
  });

  /** Runs an export that `disturb` disturbs; gives its archive's digest once nothing else is left of it. */
  async function exported(
    destination: Destination,
    disturb: (longshore: Longshore, temp: string) => Promise<void>,
  ): Promise<string> {
    await using temp = await tempFolder('tmp');
    await using longshore = startExport(volume.path, destination.uri, {
      args: ['--name', 'archive'],
      env: { ...destination.env, TMPDIR: temp.path },
    });
    await disturb(longshore, temp.path);
    const { exitCode, stderr, result } = await longshore.finished;
    assert.equal(exitCode, 0, stderr);
    assert.equal(result?.drift.count, 0);
    assert.deepEqual(await destination.contents(), publishedNames('archive'));
    assert.deepEqual(await readdir(temp.path), []);
    assert.deepEqual(await processesLeft(temp.path, 1_000), []);
    return destination.sha256('archive.tar.zst');
  }

  /** Takes the moments that came off the list. */
  async function killAtMoments(
    longshore: Longshore,
    { temp, random, moments }: { temp: string; random: () => number; moments: Moment[] },
  ): Promise<void> {
    const ended = new AbortController();
    longshore.finished.finally(() => ended.abort());
    using view = new QueueView(await privateRedis(temp, ended.signal));
    for (const moment of [...moments]) {
      const { phase, withinMs, victims } = moment;
      const met = await metPhase(view, { phase, waitMs: withinMs * random(), signal: ended.signal });
      if (!met) return;
      const workers = longshore.workers();
      const chosen = victims === 'all' ? workers : [workers[Math.floor(workers.length * random())]];
      for (const pid of chosen) process.kill(pid, 'SIGKILL');
      kills.push(met);
      moments.splice(moments.indexOf(moment), 1);
    }
  }

  /** The phase some time after another one was reached; undefined where the export has ended by then. */
  async function metPhase(
    view: QueueView,
    { phase, waitMs, signal }: { phase: Phase; waitMs: number; signal: AbortSignal },
  ): Promise<Phase | undefined> {
    try {
      await view.reached(phase, signal);
      await delay(waitMs, undefined, { signal });
      return await view.phase();
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }
});
