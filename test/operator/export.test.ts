import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { until } from '../cluster/harness/until.ts';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { tempFolder } from '../harness/temp.ts';
import { installation } from './fixture.ts';

const BYTES = 500_000_000;
const EXPORT_MS = 400_000;

describe('a VolumeExport', function () {
  this.timeout(2 * EXPORT_MS);
  const photos = { name: 'photos', namespace: 'shop' };

  it('is an archive that GNU tar unpacks to what is on the claim', async () => {
    const { cluster } = installation();
    await installation().tenant('shop');
    const claim = await installation().claim({ name: 'photos', namespace: 'shop' });
    makeRandomTree(claim.folder, { seed: 1, bytes: BYTES, files: 2_000 });
    await execa('chmod', ['-R', 'a+rX', claim.folder]);
    await installation().export(photos, { claim: 'photos', workers: 4 });
    const { status } = await installation().untilPhase(photos, 'Completed', EXPORT_MS);
    console.log(await cluster.kubectl('get', 'vex', '--namespace=shop'));
    console.log(await cluster.kubectl('describe', 'vex', 'photos', '--namespace=shop'));

    await using temp = await tempFolder('operator');
    const copy = join(temp.path, 'copy');
    await mkdir(copy);
    await execa('tar', ['--zstd', '-xpf', installation().archive(photos), '-C', copy]);
    assert.deepEqual(compareTrees(claim.folder, copy), []);
    assert.equal(status?.progress?.packs, status?.progress?.items);
  });

  it('tells its story in Events, and leaves nothing but the archive', async () => {
    const { cluster } = installation();
    await installation().untilFreed(photos);
    const reasons = new Set(await installation().reasons(photos));
    for (const reason of ['Begun', 'Completed']) assert.ok(reasons.has(reason), reason);
    // A phase that is over between two looks has no Event of its own.
    const passing = ['Begun', 'Planning', 'Packing', 'Finalizing', 'Completed'];
    assert.deepEqual([...reasons.difference(new Set(passing))], []);
    await until(
      async () => (await cluster.kubectl('get', 'jobs,pods', '--namespace=shop', '--output=name')) === '',
      { what: 'Job and pods are gone', withinMs: 240_000 },
    );
    assert.deepEqual(await installation().workerSecrets('shop'), []);
    await installation().untilNoExportHasUser();
    assert.deepEqual(await installation().exportKeys(), []);
    assert.deepEqual(await installation().leftInStore(), []);
  });

  it('keeps its archive when it is deleted', async () => {
    await installation().delete(photos);
    const listed = await execa('tar', ['--zstd', '-tf', installation().archive(photos)]);
    assert.ok(listed.stdout.length > 0);
  });
});
