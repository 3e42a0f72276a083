import assert from 'node:assert/strict';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExportStatus } from '@longshore/shared';
import { execa } from 'execa';
import type { ClaimOptions } from '../cluster/harness/claim.ts';
import { until } from '../cluster/harness/until.ts';
import { compareTrees } from '../fixtures/compare-trees.ts';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { tempFolder } from '../harness/temp.ts';
import { snapshotCrds } from '../harness/tools.ts';
import { ApiCaller } from './api-caller.ts';
import { installation } from './fixture.ts';
import { type Applied, BUCKET, SECRET } from './installation.ts';
import { CLASSES, SnapshotController } from './snapshot-controller.ts';

const EXPORT_MS = 400_000;
const SAID_MS = 30_000;
/** A claim goes once no pod has it; a pod that is told to end may still finish its item. */
const UNUSED_SECONDS = 400;
const NAMESPACE = 'copies';
const CRDS = ['volumesnapshots', 'volumesnapshotcontents', 'volumesnapshotclasses'];

describe('an export of a copy', function () {
  this.timeout(5 * EXPORT_MS);
  const called = (name: string): Applied => ({ name, namespace: NAMESPACE });
  const kubectl = (...args: string[]) => installation().cluster.kubectl(...args);

  before(async () => {
    await installation().tenant(NAMESPACE);
    await installation().smallClaim(NAMESPACE);
  });
  // What a failed test leaves would fail others that look at the whole installation.
  after(() => kubectl('delete', 'vex', '--all', `--namespace=${NAMESPACE}`, '--timeout=240s'));

  async function export_(
    which: Applied,
    source: { claim: string; consistency: string; snapshotClass?: string },
    options: { level?: number; workers?: number } = {},
  ) {
    await installation().cluster.apply({
      apiVersion: 'longshore.dev/v1alpha1',
      kind: 'VolumeExport',
      metadata: which,
      spec: { source, destination: { secret: SECRET, prefix: NAMESPACE }, workers: 2, ...options },
    });
  }

  async function says(which: Applied, reason: string, message: RegExp): Promise<void> {
    const start = performance.now();
    const said = async () => {
      const { status } = await installation().get(which);
      const found = status?.conditions?.find(({ type }) => type === 'Progressing');
      return found?.reason === reason && message.test(found.message);
    };
    await until(said, { what: `${which.name} says ${reason}`, withinMs: SAID_MS });
    console.log(`      ${reason} after ${((performance.now() - start) / 1_000).toFixed(1)} s`);
  }

  /** Snapshots, and claims but for those that the test made. */
  async function copies(...kinds: string[]): Promise<string> {
    const selector = '--selector=app.kubernetes.io/managed-by=longshore';
    return kubectl('get', kinds.join(','), `--namespace=${NAMESPACE}`, selector, '--output=name');
  }

  async function untilNothingIsLeft(): Promise<void> {
    await until(async () => (await copies('volumesnapshots', 'persistentvolumeclaims', 'jobs')) === '', {
      what: 'snapshots, copies and Jobs are gone',
      withinMs: 240_000,
    });
    const volumes = async () => kubectl('get', 'persistentvolumes', '--output=name');
    await until(async () => !(await volumes()).includes('/copy-'), {
      what: 'volumes are gone',
      withinMs: 120_000,
    });
  }

  it('says so where the cluster has no snapshots', async () => {
    await export_(called('no-crd'), { claim: 'small', consistency: 'Snapshot' });
    await says(called('no-crd'), 'SnapshotsMissing', /install the snapshot controller and its CRDs/);
    await installation().cluster.apply(...(await snapshotCrds()));
    const established = CRDS.map((plural) => `crd/${plural}.snapshot.storage.k8s.io`);
    await kubectl('wait', '--for=condition=Established', '--timeout=240s', ...established);
  });

  it('says so where no snapshot becomes ready, has no class, or fails; and takes it along when it is deleted', async () => {
    await says(called('no-crd'), 'SnapshotNotReady', /no snapshot controller runs/);
    await using _ = new SnapshotController(installation().cluster);
    await says(called('no-crd'), 'SnapshotClassMissing', /source.snapshotClass.*cannot find default/);
    await export_(called('broken'), {
      claim: 'small',
      consistency: 'Snapshot',
      snapshotClass: CLASSES.broken,
    });
    await says(called('broken'), 'SnapshotFailed', /the driver has no room/);
    await export_(called('idle'), { claim: 'small', consistency: 'Snapshot', snapshotClass: CLASSES.idle });
    await says(called('idle'), 'SnapshotNotReady', /its driver works on it/);
    for (const name of ['no-crd', 'broken', 'idle']) await installation().delete(called(name));
    await untilNothingIsLeft();
  });

  it('says so where no driver makes a clone', async () => {
    await export_(called('no-clone'), { claim: 'small', consistency: 'Clone' });
    await says(called('no-clone'), 'CopyNotReady', /has no driver that can/);
    await installation().delete(called('no-clone'));
    await untilNothingIsLeft();
  });

  const KINDS: { consistency: string; mode: ClaimOptions['mode']; snapshotClass?: string }[] = [
    // One pod alone may have it, and another one has it: only a copy can be exported.
    { consistency: 'Snapshot', mode: 'ReadWriteOncePod', snapshotClass: CLASSES.good },
    { consistency: 'Clone', mode: 'ReadWriteMany' },
  ];
  for (const { consistency, mode, ...source } of KINDS) {
    it(`has the content of the time of its ${consistency}, whatever becomes of the volume, and leaves nothing`, async () => {
      const which = called(consistency.toLowerCase());
      const claim = await installation().claim({ name: `of-${which.name}`, namespace: NAMESPACE, mode });
      makeRandomTree(claim.folder, { seed: 8, bytes: 20_000_000, files: 100 });
      await writeFile(join(claim.folder, 'known'), 'before');
      await execa('chmod', ['-R', 'a+rX', claim.folder]);
      await using temp = await tempFolder('consistency');
      const before = join(temp.path, 'before');
      await execa('cp', ['--archive', claim.folder, before]);
      let changes = 0;
      const change = async (folder: string) => {
        changes++;
        await appendFile(join(folder, 'known'), ' and after');
        await writeFile(join(folder, 'new'), 'after');
      };
      await using _ = new SnapshotController(installation().cluster, { onCopied: change });
      await export_(which, { claim: claim.name, consistency, ...source });
      const { status } = await installation().untilPhase(which, 'Completed', EXPORT_MS);
      assert.equal(changes, 1);
      assert.equal(status?.conditions?.find(({ type }) => type === 'Complete')?.reason, 'Complete');
      const unpacked = join(temp.path, 'unpacked');
      await mkdir(unpacked);
      await execa('tar', ['--zstd', '-xpf', installation().archive(which), '-C', unpacked]);
      assert.deepEqual(compareTrees(before, unpacked), []);
      await untilNothingIsLeft();
      await installation().delete(which);
    });
  }

  it('has the content of the time of its Snapshot where it is requested over HTTP', async () => {
    const which = called('requested');
    const operator = await ApiCaller.make(called('operator'), 'create,list');
    const claim = await installation().claim({ name: 'of-requested', namespace: NAMESPACE });
    const known = join(claim.folder, 'known');
    await writeFile(known, 'before');
    let copied = 0;
    const change = async () => {
      copied++;
      await appendFile(known, ' and after');
    };
    await using _ = new SnapshotController(installation().cluster, { onCopied: change });
    const copy = { consistency: 'Snapshot', snapshotClass: CLASSES.good };
    const places = { namespace: NAMESPACE, volume: claim.name, destination: SECRET };
    const created = await operator.ask('POST', '/v1/exports', { ...places, name: which.name, ...copy });
    assert.equal(created.status, 201, JSON.stringify(created.body));
    const { id } = ExportStatus.parse(created.body);
    const { spec } = await installation().untilPhase(which, 'Completed', EXPORT_MS);
    assert.deepEqual(spec.source, { claim: claim.name, path: '/', ...copy });
    assert.equal(copied, 1);
    const { body } = await operator.ask('GET', `/v1/exports/${id}`);
    const { phase, consistency, snapshotClass, result } = ExportStatus.parse(body);
    assert.deepEqual({ phase, consistency, snapshotClass }, { phase: 'Completed', ...copy });
    // A destination that is requested has no prefix.
    const archive = join(installation().s3.dir, BUCKET, result?.archive.key ?? '');
    const { stdout } = await execa('tar', ['--zstd', '-xOf', archive, './known']);
    assert.equal(stdout, 'before');
    await untilNothingIsLeft();
    const deleted = await operator.ask('DELETE', `/v1/exports/${id}`);
    assert.equal(deleted.status, 202, JSON.stringify(deleted.body));
    await installation().untilGone(which, 240_000);
  });

  it('goes on with the same copy when it is tried again', async () => {
    const which = called('again');
    const claim = await installation().claim({ name: 'of-again', namespace: NAMESPACE });
    makeRandomTree(claim.folder, { seed: 9, bytes: 1_000_000, files: 20 });
    await execa('chmod', ['-R', 'a+rX', claim.folder]);
    let copied = 0;
    const revoke = async () => {
      copied++;
      await installation().secret(NAMESPACE, { secretAccessKey: 'another' });
    };
    await using _ = new SnapshotController(installation().cluster, { onCopied: revoke });
    await export_(which, { claim: claim.name, consistency: 'Snapshot', snapshotClass: CLASSES.good });
    await installation().untilPhase(which, 'Failed', EXPORT_MS);
    await installation().secret(NAMESPACE);
    const kept = await copies('volumesnapshots', 'persistentvolumeclaims');
    assert.equal(kept.split('\n').length, 2, kept);
    await kubectl('annotate', 'vex', which.name, `--namespace=${NAMESPACE}`, 'longshore.dev/retry=now');
    await installation().untilPhase(which, 'Completed', EXPORT_MS);
    assert.equal(copied, 1);
    await untilNothingIsLeft();
  });

  for (const { consistency, mode, ...source } of KINDS) {
    it(`fails when its ${consistency} is deleted while it rests, and begins anew with another one when it is tried again`, async () => {
      const which = called(`lost-${consistency.toLowerCase()}`);
      const claim = await installation().claim({ name: `of-${which.name}`, namespace: NAMESPACE, mode });
      makeRandomTree(claim.folder, { seed: 10, bytes: 60_000_000, files: 100 });
      await execa('chmod', ['-R', 'a+rX', claim.folder]);
      let copied = 0;
      const count = async () => void copied++;
      await using _ = new SnapshotController(installation().cluster, { onCopied: count });
      await export_(which, { claim: claim.name, consistency, ...source }, { level: 12, workers: 1 });
      await until(async () => (await copies('jobs')) !== '', { what: 'it has a Job', withinMs: EXPORT_MS });
      // What nobody uses goes at once.
      const suspend = (is: boolean) =>
        kubectl(
          ...['patch', 'vex', which.name, `--namespace=${NAMESPACE}`, '--type=merge'],
          `--patch={"spec":{"suspend":${is}}}`,
        );
      await suspend(true);
      await installation().untilPhase(which, 'Suspended', EXPORT_MS);
      const kept = (await copies('volumesnapshots', 'persistentvolumeclaims')).split('\n');
      await kubectl('delete', `--namespace=${NAMESPACE}`, `--timeout=${UNUSED_SECONDS}s`, ...kept);
      await suspend(false);
      const failed = await installation().untilPhase(which, 'Failed', EXPORT_MS);
      const why = failed.status?.conditions?.find(({ type }) => type === 'Failed');
      assert.equal(why?.reason, 'CopyLost');
      assert.match(why.message, /retry the export, which then begins anew/);
      await kubectl('annotate', 'vex', which.name, `--namespace=${NAMESPACE}`, 'longshore.dev/retry=now');
      const { status } = await installation().untilPhase(which, 'Completed', 2 * EXPORT_MS);
      assert.equal(copied, 2);
      assert.equal(status?.progress?.packs, status?.progress?.items);
      await untilNothingIsLeft();
      await installation().delete(which);
    });
  }
});
