import assert from 'node:assert/strict';
import { pod, RESTRICTED, shell } from '../cluster/harness/pods.ts';
import { until } from '../cluster/harness/until.ts';
import { installation } from './fixture.ts';

const EXPORT_MS = 400_000;

interface PodList {
  items: { spec: { nodeName?: string } }[];
}

describe('a claim that not every node can have', function () {
  this.timeout(2 * EXPORT_MS);
  const namespace = 'claims';

  before(() => installation().tenant(namespace));

  it('is exported on the node where it is in use', async () => {
    const { cluster } = installation();
    const claim = await installation().slowClaim(namespace, { name: 'once', mode: 'ReadWriteOnce' });
    const volumes = [{ name: 'volume', persistentVolumeClaim: { claimName: claim.name } }];
    const spec = { ...shell('sleep 3600', { securityContext: RESTRICTED }), volumes };
    const user = pod('user', spec, 'node2');
    await cluster.apply({ ...user, metadata: { name: 'user', namespace } });
    await cluster.kubectl(
      'wait',
      '--for=condition=Ready',
      'pod/user',
      `--namespace=${namespace}`,
      '--timeout=240s',
    );
    const which = { name: 'once', namespace };
    await installation().export(which, { claim: 'once', workers: 4, level: 12 });
    await installation().untilPhase(which, 'Packing', EXPORT_MS);
    const nodes = await nodesOf(which.name);
    assert.deepEqual(nodes, ['node2', 'node2', 'node2', 'node2']);
    await installation().untilPhase(which, 'Completed', EXPORT_MS);
  });

  it('is exported on one node where nobody uses it: on another its pods would wait for it', async () => {
    await installation().slowClaim(namespace, { name: 'unused', mode: 'ReadWriteOnce' });
    const which = { name: 'unused', namespace };
    await installation().export(which, { claim: 'unused', workers: 4, level: 12 });
    await installation().untilPhase(which, 'Packing', EXPORT_MS);
    const nodes = await nodesOf(which.name);
    assert.equal(nodes.length, 4);
    assert.equal(new Set(nodes).size, 1, nodes.join());
    await installation().untilPhase(which, 'Completed', EXPORT_MS);
  });

  /** Of its pods, once each has one. */
  async function nodesOf(name: string): Promise<(string | undefined)[]> {
    const which = [`--namespace=${namespace}`, `--selector=longshore.dev/export=${name}`];
    let nodes: (string | undefined)[] = [];
    const placed = async () => {
      const { items } = await installation().cluster.json<PodList>('get', 'pods', ...which);
      nodes = items.map(({ spec }) => spec.nodeName);
      return nodes.length > 0 && !nodes.includes(undefined);
    };
    await until(placed, { what: `all pods of ${name} are on a node`, withinMs: 30_000 });
    return nodes;
  }

  it('says what to do where one pod alone may have it', async () => {
    await installation().claim({ name: 'alone', namespace, mode: 'ReadWriteOncePod' });
    const which = { name: 'alone', namespace };
    await installation().export(which, { claim: 'alone' });
    const said = async () => {
      const { status } = await installation().get(which);
      const found = status?.conditions?.find(({ type }) => type === 'Progressing');
      return found?.reason === 'ClaimExclusive' && /snapshot or a clone/.test(found.message);
    };
    await until(said, { what: 'the condition says ClaimExclusive', withinMs: 30_000 });
    await installation().delete(which);
  });
});
