import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '../fixtures/random-tree.ts';
import { installation } from './fixture.ts';
import type { Applied } from './installation.ts';
import { begin, type Ended, NAMESPACE, podsOf, prepareStorm, untilCompleted, untilPacked } from './storm.ts';

const TEST_MS = 2_000_000;
const DELETIONS = 30;
const BETWEEN_MS = 500;
const SEED = 1;

describe('an export that is interrupted', function () {
  this.timeout(TEST_MS);
  let calm: Ended;

  before(async function () {
    this.timeout(TEST_MS);
    await prepareStorm();
    calm = await untilCompleted(await begin('calm'));
    assert.equal(calm.packs, calm.items);
  });

  const kubectl = (...args: string[]) => installation().cluster.kubectl(...args);

  /** The same bytes, and nothing that was finished packed again. */
  async function assertUnharmed(which: Applied): Promise<void> {
    const { sha256, packs, items } = await untilCompleted(which);
    console.log(`      ${which.name}: ${packs} packs of ${items} items`);
    assert.equal(sha256, calm.sha256);
    assert.equal(packs, items);
  }

  it(`has pods deleted at random, ${DELETIONS} times over eight workers`, async () => {
    const random = seededRandom(SEED);
    let deleted = 0;
    // A fast machine ends an export before so many are deleted: then the next one has the rest.
    for (let round = 1; deleted < DELETIONS; round++) {
      const which = await begin(`random-pods-${round}`, 8);
      await untilPacked(which, 1);
      while (deleted < DELETIONS && (await isRunning(which))) {
        const pods = await podsOf(which);
        const pod = pods.at(Math.floor(random() * pods.length));
        if (pod) deleted += await deletePod(pod, ['--grace-period=1']);
        await delay(BETWEEN_MS);
      }
      console.log(`      ${deleted} pods deleted so far, seed ${SEED}`);
      await assertUnharmed(which);
    }
  });

  it('has the pod of its one index deleted five times', async () => {
    // Alone, so that the pauses that grow with each failure are felt: after a minute the Job is replaced.
    const which = await begin('one-index', 1);
    await untilPacked(which, 1);
    for (let deleted = 0; deleted < 5; ) {
      assert.ok(await isRunning(which), `it ended after ${deleted} deletions`);
      const [first] = (await podsOf(which)).filter((name) => /-0-[a-z0-9]+$/.test(name));
      if (first) deleted += await deletePod(first, ['--grace-period=1']);
      await delay(BETWEEN_MS);
    }
    await assertUnharmed(which);
  });

  it('has its Job deleted by hand', async () => {
    const which = await begin('no-job');
    await untilPacked(which, 1);
    await kubectl('delete', 'job', '--selector=longshore.dev/export=no-job', `--namespace=${NAMESPACE}`);
    await assertUnharmed(which);
  });

  it('loses every producer', async () => {
    const which = await begin('no-producer');
    await untilPacked(which, 1);
    const now = ['--force', '--grace-period=0', '--selector=app.kubernetes.io/component=producer'];
    await kubectl('delete', 'pods', '--namespace=longshore', ...now);
    await assertUnharmed(which);
  });

  it("loses Redis' pod", async () => {
    const which = await begin('no-redis');
    await untilPacked(which, 1);
    await kubectl(
      'delete',
      'pod',
      '--namespace=longshore',
      'longshore-redis-0',
      '--force',
      '--grace-period=0',
    );
    await assertUnharmed(which);
  });

  it("loses Redis' data while no producer runs", async () => {
    const which = await begin('no-data');
    await untilPacked(which, 2);
    await installation().pauseProducers();
    await kubectl('scale', 'statefulset/longshore-redis', '--namespace=longshore', '--replicas=0');
    await kubectl('wait', '--for=delete', 'pod/longshore-redis-0', '--namespace=longshore', '--timeout=240s');
    const folder = join(installation().cluster.folder, 'volumes/longshore-data-longshore-redis-0');
    for (const name of ['appendonlydir', 'users.acl', 'dump.rdb'])
      await rm(join(folder, name), { recursive: true, force: true });
    const recorded = await recordedItems(which);
    await kubectl('scale', 'statefulset/longshore-redis', '--namespace=longshore', '--replicas=1');
    await installation().resumeProducers();
    const { sha256, packs, items } = await untilCompleted(which);
    assert.equal(sha256, calm.sha256);
    // The counters began again: what they count is what was packed since.
    console.log(
      `      no-data: ${packs} packs of ${items} items, ${recorded} packed before Redis was emptied`,
    );
    assert.ok(recorded >= 2 && packs !== undefined && items !== undefined && packs <= items - recorded);
  });

  /** How many items of an export have a record in the store, which is what says that they needn't be packed again. */
  async function recordedItems(which: Applied): Promise<number> {
    const { status } = await installation().get(which);
    const run = status?.record?.run as { id: string } | undefined;
    const folder = `/.longshore/${run?.id}/items/`;
    const paths = (await installation().leftInStore()).filter((path) => `/${path}`.includes(folder));
    return new Set(paths.map((path) => `/${path}`.split(folder)[1].split('/')[0])).size;
  }

  /** How many were deleted: it may have gone by itself. */
  async function deletePod(name: string, how: readonly string[]): Promise<number> {
    const args = ['--wait=false', '--ignore-not-found', '--output=name', ...how];
    return (await kubectl('delete', 'pod', name, `--namespace=${NAMESPACE}`, ...args)) === '' ? 0 : 1;
  }

  async function isRunning(which: Applied): Promise<boolean> {
    const { status } = await installation().get(which);
    return status?.phase !== 'Completed' && status?.phase !== 'Finalizing';
  }
});

describe('after interruptions', function () {
  this.timeout(TEST_MS);

  it('nothing is left of any export but its archive', async () => {
    await installation().untilNoExportHasUser();
    assert.deepEqual(await installation().exportKeys(), []);
    assert.deepEqual(await installation().leftInStore(), []);
  });
});
