import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { until } from '../cluster/harness/until.ts';
import { installation } from './fixture.ts';
import type { Applied } from './installation.ts';
import { begin, called, NAMESPACE, podsOf, prepareStorm, untilCompleted, untilPacked } from './storm.ts';

const TEST_MS = 2_000_000;
const SOON_MS = 180_000;

describe('an export that is steered by kubectl', function () {
  this.timeout(TEST_MS);

  before(() => prepareStorm());

  const kubectl = (...args: string[]) => installation().cluster.kubectl(...args);
  const within = (...args: string[]) => kubectl(`--namespace=${NAMESPACE}`, ...args);

  it('has more workers, and fewer, as it is scaled', async () => {
    const which = await begin('scaled', 1);
    await untilPods(which, 1);
    await within('scale', 'vex/scaled', '--replicas=4');
    await untilPods(which, 4);
    const shown = async () => (await installation().get(which)).status?.workers === 4;
    await until(shown, { what: 'its scale says 4', withinMs: SOON_MS });
    await within('scale', 'vex/scaled', '--replicas=2');
    await untilPods(which, 2);
    const { packs, items } = await untilCompleted(which);
    assert.equal(packs, items);
  });

  it('rests while it is suspended, may be scaled meanwhile, and goes on where it was', async () => {
    const which = await begin('suspended', 2);
    await untilPacked(which, 1);
    await suspend(which, 'true');
    await installation().untilPhase(which, 'Suspended', SOON_MS);
    await untilPods(which, 0);
    await within('scale', 'vex/suspended', '--replicas=3');
    await suspend(which, 'false');
    await untilPods(which, 3);
    const { packs, items } = await untilCompleted(which);
    assert.equal(packs, items);
  });

  it('leaves nothing when it is deleted while it runs', async () => {
    const which = await begin('deleted', 2);
    await untilPacked(which, 1);
    await installation().delete(which);
    await assertNothingLeft(which);
  });

  it('is cancelled by an annotation, and tried again by another', async () => {
    const which = await begin('cancelled', 2);
    await untilPacked(which, 1);
    await within('annotate', 'vex/cancelled', 'longshore.dev/cancel=yes');
    await installation().untilPhase(which, 'Cancelled', SOON_MS);
    await installation().untilFreed(which);
    await assertNothingLeft(which);
    await within('annotate', 'vex/cancelled', 'longshore.dev/retry=yes');
    const { packs, items, resource } = await untilCompleted(which);
    assert.equal(packs, items);
    assert.deepEqual(resource.metadata.annotations ?? {}, {});
  });

  it('goes with its resource some time after its end, and its archive stays', async () => {
    const which = called('passing');
    await installation().export(which, { claim: 'small', ttlSecondsAfterFinished: 3 });
    await installation().untilGone(which, SOON_MS);
    assert.ok(existsSync(installation().archive(which)));
  });

  it('takes its archive with it where it is told to', async () => {
    const which = called('archived');
    await installation().export(which, { claim: 'small' });
    await untilCompleted(which);
    await installation().untilFreed(which);
    await within('annotate', 'vex/archived', 'longshore.dev/delete-archive=yes');
    const held = async () => (await installation().get(which)).metadata.finalizers !== undefined;
    await until(held, { what: 'it is held until the archive is gone', withinMs: SOON_MS });
    await installation().delete(which);
    assert.ok(!existsSync(installation().archive(which)));
  });

  async function suspend({ name }: Applied, value: 'true' | 'false'): Promise<void> {
    await within('patch', `vex/${name}`, '--type=merge', `--patch={"spec":{"suspend":${value}}}`);
  }

  async function untilPods(which: Applied, count: number): Promise<void> {
    await until(async () => (await podsOf(which)).length === count, {
      what: `${which.name} has ${count} pods that run`,
      withinMs: SOON_MS,
    });
  }

  async function assertNothingLeft({ name }: Applied): Promise<void> {
    const what = ['get', 'jobs,pods,secrets', `--selector=longshore.dev/export=${name}`, '--output=name'];
    await until(async () => (await within(...what)) === '', {
      what: 'Job and pods are gone',
      withinMs: SOON_MS,
    });
    await installation().untilNoExportHasUser();
    assert.deepEqual(await installation().exportKeys(), []);
    assert.deepEqual(await installation().leftInStore(), []);
    assert.ok(!existsSync(installation().archive({ name, namespace: NAMESPACE })));
  }
});

describe('a namespace that is deleted while it exports', function () {
  this.timeout(TEST_MS);

  it('is gone soon, with what the export had in the store', async () => {
    const which = { name: 'doomed', namespace: 'doomed' };
    await installation().tenant('doomed');
    await installation().slowClaim('doomed');
    await installation().export(which, { claim: 'data', level: 19 });
    await installation().untilPhase(which, 'Packing', SOON_MS);
    await installation().cluster.kubectl('delete', 'namespace', 'doomed', '--timeout=240s');
    assert.deepEqual(await installation().leftInStore(), []);
    await installation().untilNoExportHasUser();
  });
});
