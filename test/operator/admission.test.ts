import assert from 'node:assert/strict';
import { installation } from './fixture.ts';
import { SECRET } from './installation.ts';

/** Fields beside the smallest spec, and what admission says to them. */
const REFUSED: readonly { spec: object; message: RegExp }[] = [
  { spec: { level: 20 }, message: /should be less than or equal to 19/ },
  { spec: { format: 'tar.gz', level: 10 }, message: /level: tar\.gz takes 1 to 9/ },
  { spec: { format: 'tar', level: 1 }, message: /level: tar takes 0/ },
  { spec: { format: 'zip' }, message: /supported values: "tar\.zst", "tar\.gz", "tar"/ },
  { spec: { workers: 0 }, message: /should be greater than or equal to 1/ },
  { spec: { source: { claim: 'photos', path: '/a/../b' } }, message: /without \. and \.\./ },
  { spec: { source: { claim: 'photos', path: 'a' } }, message: /source\.path/ },
  { spec: { source: { claim: 'Photos' } }, message: /source\.claim/ },
  {
    spec: { source: { claim: 'photos', consistency: 'Frozen' } },
    message: /supported values: "Live", "Snapshot"/,
  },
  {
    spec: { source: { claim: 'photos', snapshotClass: 'fast' } },
    message: /snapshotClass goes with consistency Snapshot alone/,
  },
  { spec: { destination: { secret: SECRET, prefix: '/a' } }, message: /must not begin with a slash/ },
  { spec: { pod: { readAll: true, securityContext: { runAsUser: 1_000 } } }, message: /readAll needs uid 0/ },
];

/** Changes of one that exists. */
const FIXED: readonly { change: object; message: RegExp }[] = [
  { change: { source: { claim: 'music' } }, message: /source can't be changed/ },
  { change: { destination: { prefix: 'elsewhere' } }, message: /destination can't be changed/ },
  { change: { format: 'tar' }, message: /format can't be changed/ },
  { change: { level: 5 }, message: /level can't be changed/ },
  { change: { exclude: ['*.tmp'] }, message: /exclude can't be changed/ },
  { change: { onChange: 'fail' }, message: /onChange can't be changed/ },
  { change: { pod: { readAll: true } }, message: /pod can't be changed/ },
];

describe('admission of a VolumeExport', function () {
  this.timeout(300_000);
  const namespace = 'admission';
  const kubectl = (...args: string[]) => installation().cluster.kubectl(`--namespace=${namespace}`, ...args);
  const smallest = { source: { claim: 'photos' }, destination: { secret: 'none' } };

  const apply = (name: string, spec: object) =>
    installation().cluster.apply({
      apiVersion: 'longshore.dev/v1alpha1',
      kind: 'VolumeExport',
      metadata: { name, namespace },
      spec: { ...smallest, ...spec },
    });

  const patch = (...args: string[]) => kubectl('patch', 'vex/smallest', '--type=merge', ...args);

  before(async () => {
    await installation().namespace(namespace);
    await apply('smallest', {});
  });
  after(() => installation().delete({ name: 'smallest', namespace }));

  for (const { spec, message } of REFUSED)
    it(`refuses ${JSON.stringify(spec)}`, () => assert.rejects(apply('refused', spec), message));

  for (const { change, message } of FIXED)
    it(`refuses to change ${JSON.stringify(change)}`, () =>
      assert.rejects(patch(`--patch=${JSON.stringify({ spec: change })}`), message));

  it('refuses a name that no label could carry', () =>
    assert.rejects(apply('a'.repeat(64), {}), /63 characters at most/));

  it('takes a change of status, finalizers and scale of the smallest one', async () => {
    await patch('--subresource=status', '--patch={"status":{"workers":3}}');
    await patch('--patch={"metadata":{"labels":{"a":"b"}}}');
    await kubectl('scale', 'vex/smallest', '--replicas=2');
    await patch('--patch={"spec":{"suspend":true,"ttlSecondsAfterFinished":60}}');
    assert.equal(await kubectl('get', 'vex/smallest', '--output=jsonpath={.spec.workers}'), '2');
  });
});
