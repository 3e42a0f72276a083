import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../cluster/harness/until.ts';
import { installation } from './fixture.ts';
import { type Applied, OVERLAY, SECRET } from './installation.ts';

const TEST_MS = 1_200_000;
const SOON_MS = 180_000;

/** How long what is gone may take to be noticed, and let go. */
const RELEASED_MS = 300_000;

describe('what is deleted while no producer runs', function () {
  this.timeout(TEST_MS);
  const kubectl = (...args: string[]) => installation().cluster.kubectl(...args);

  /** An export that has begun in a namespace of its own; producers are stopped then. */
  async function stopIn(namespace: string): Promise<Applied> {
    const which = { name: 'left', namespace };
    await installation().tenant(namespace);
    await installation().slowClaim(namespace);
    await installation().export(which, { claim: 'data', level: 15 });
    await installation().untilPhase(which, 'Packing', SOON_MS);
    await installation().pauseProducers();
    return which;
  }

  async function isThere(what: string, ...where: string[]): Promise<boolean> {
    return (await kubectl('get', what, ...where, '--ignore-not-found', '--output=name')) !== '';
  }

  async function deleteNamespaceOf({ namespace }: Applied): Promise<void> {
    await kubectl('delete', 'namespace', namespace, '--wait=false');
    const pods = [`--namespace=${namespace}`, '--field-selector=status.phase=Running'];
    await until(async () => !(await isThere('pods', ...pods)), { what: 'no pod runs', withinMs: SOON_MS });
    assert.ok(await isThere('vex/left', `--namespace=${namespace}`));
  }

  async function untilNamespaceIsGone({ namespace }: Applied): Promise<void> {
    await until(async () => !(await isThere(`namespace/${namespace}`)), {
      what: 'the namespace is gone',
      withinMs: RELEASED_MS,
    });
  }

  it('is a namespace: it is gone soon after one runs again, with what was in the store', async () => {
    const which = await stopIn('forsaken');
    await deleteNamespaceOf(which);
    await installation().resumeProducers();
    await untilNamespaceIsGone(which);
    assert.deepEqual(await installation().leftInStore(), []);
  });

  it('is a namespace without the way to its bucket: the upload that is left behind is named', async () => {
    const which = await stopIn('locked-out');
    const upload = await installation().uploadOf(which);
    await deleteNamespaceOf(which);
    await kubectl('delete', `secret/${SECRET}`, `--namespace=${which.namespace}`);
    await installation().resumeProducers();
    await untilNamespaceIsGone(which);
    assert.match(await installation().producersLog(), new RegExp(`"upload":"${upload}".*let go`));
    assert.notDeepEqual(await installation().leftInStore(), []);
    await installation().emptyStore();
  });

  /** It's nobody's any more, and the next claim has another one. */
  async function loseVolumeOfRedis(): Promise<void> {
    const volume = 'longshore-data-longshore-redis-0';
    await kubectl('delete', 'persistentvolume', volume, '--timeout=240s');
    await rm(join(installation().cluster.folder, 'volumes', volume), { recursive: true });
  }

  it('is the whole installation: it is gone once it has been applied again, and nothing is left', async () => {
    const which = await stopIn('orphaned');
    await kubectl('delete', '--kustomize', OVERLAY, '--wait=false');
    await until(async () => !(await isThere('namespace/longshore')), {
      what: "Longshore's own namespace is gone",
      withinMs: SOON_MS,
    });
    assert.ok(await isThere('vex/left', `--namespace=${which.namespace}`));
    await loseVolumeOfRedis();
    await installation().install();
    await installation().untilGone(which, RELEASED_MS);
    await until(async () => !(await isThere('crd/volumeexports.longshore.dev')), {
      what: 'the definition is gone, as it was told to',
      withinMs: SOON_MS,
    });
    assert.deepEqual(await installation().leftInStore(), []);
    assert.equal(
      await isThere('jobs,secrets', `--namespace=${which.namespace}`, '--selector=longshore.dev/export'),
      false,
    );
  });

  it('comes back when it is applied once more, while the producer that saw it go still runs', async () => {
    await installation().apply();
    const which = { name: 'next', namespace: 'returned' };
    await installation().tenant(which.namespace);
    await installation().smallClaim(which.namespace);
    await until(
      () =>
        installation()
          .export(which, { claim: 'small' })
          .then(() => true),
      {
        what: 'the API server takes exports again',
        withinMs: SOON_MS,
      },
    );
    await installation().untilPhase(which, 'Completed', SOON_MS);
  });
});
