import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startRedis } from '../harness/redis.ts';
import { tempFolder } from '../harness/temp.ts';
import { installedTool } from '../harness/tools.ts';
import { startS3 } from '../harness/versitygw.ts';
import { type Cluster, startCluster } from './harness/cluster.ts';
import { writeImage } from './harness/image.ts';
import type { Manifest } from './harness/kubectl.ts';
import { pod, RESTRICTED, shell } from './harness/pods.ts';
import { NO_TRACES, survivorsOf, tracesOf } from './harness/traces.ts';
import { until } from './harness/until.ts';

/** What the harness promises (issue 5), on a machine that other tests may keep busy. */
const UP_MS = 60_000;

/** Seconds, but on a busy machine. */
const POLICY_MS = 30_000;

/** A node is given up after 16 s, its pods are evicted 10 s later, and others start elsewhere. */
const LOSS_MS = 240_000;

interface PodList {
  items: {
    metadata: { name: string; annotations?: Record<string, string>; deletionTimestamp?: string };
    spec: { nodeName: string };
    status: { phase: string };
  }[];
}

describe('a test cluster', function () {
  this.timeout(2 * LOSS_MS);
  let cluster: Cluster;
  let upMs: number;

  before(async () => {
    const start = performance.now();
    cluster = await startCluster();
    upMs = performance.now() - start;
    // One on each node, to run commands in.
    await cluster.apply(client('node1'), client('node2'));
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/on-node1', 'pod/on-node2', '--timeout=240s');
  });

  after(() => cluster?.stop());

  const client = (node: string) => pod(`on-${node}`, shell('sleep 3600'), node);

  const inPod = (node: string, script: string) =>
    cluster.kubectl('exec', `on-${node}`, '--', 'sh', '-ec', script);

  const podsOf = (app: string) =>
    cluster.json<PodList>('get', 'pods', `--selector=app=${app}`).then(({ items }) => items);

  it('is up in a minute, with two nodes that are Ready', async () => {
    const ready = await cluster.kubectl(
      'wait',
      '--for=condition=Ready',
      'node/node1',
      'node/node2',
      '--timeout=1s',
    );
    assert.equal(ready, 'node/node1 condition met\nnode/node2 condition met');
    assert.ok(upMs < UP_MS, `it took ${(upMs / 1000).toFixed(0)} s`);
  });

  it('runs an Indexed Job with pods on both nodes', async () => {
    await cluster.apply(indexedJob(4));
    await cluster.kubectl('wait', '--for=condition=Complete', 'job/indexed', '--timeout=240s');
    const pods = await podsOf('indexed');
    const logs = await Promise.all(pods.map(({ metadata }) => cluster.kubectl('logs', metadata.name)));
    assert.deepEqual(logs.sort(), ['index 0', 'index 1', 'index 2', 'index 3']);
    assert.deepEqual([...new Set(pods.map(({ spec }) => spec.nodeName))].sort(), ['node1', 'node2']);
  });

  it("resolves a Service's name, and reaches it from either node", async () => {
    await cluster.apply(
      pod(
        'web',
        shell('mkdir /tmp/www; echo served >/tmp/www/index.html; httpd -f -p 8080 -h /tmp/www'),
        'node1',
      ),
      service('web', 8080),
    );
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=240s');
    const ask = http('web.default.svc.cluster.local', 80);
    for (const node of ['node1', 'node2'])
      await answers(() => inPod(node, ask), /^HTTP\/1\.1 200 OK.*served$/s);
    assert.match(await inPod('node2', 'nslookup web.default.svc.cluster.local'), /10\.96\.0\.10/);
  });

  it('enforces a NetworkPolicy within seconds, until it is deleted', async () => {
    // From a pod on the same node, and from the other one.
    const reaches = (node: string) =>
      inPod(node, 'nc -w 5 web.default.svc.cluster.local 80 -e true && echo yes || echo no');
    const both = async () => Promise.all(['node1', 'node2'].map(reaches));
    assert.deepEqual(await both(), ['yes', 'yes']);
    await cluster.apply(denial('deny', { app: 'web' }));
    await until(async () => String(await both()) === 'no,no', {
      what: 'nobody connects',
      withinMs: POLICY_MS,
    });
    await cluster.kubectl('delete', 'networkpolicy', 'deny');
    await until(async () => String(await both()) === 'yes,yes', {
      what: 'both connect',
      withinMs: POLICY_MS,
    });
  });

  it('shows the same volume on both nodes, read-only', async () => {
    const claim = await cluster.claim({ name: 'shared' });
    await writeFile(join(claim.folder, 'file'), 'content');
    const spec = withVolume(shell('cat /volume/file; ! touch /volume/new 2>/dev/null'), claim.name);
    await cluster.apply(pod('reads-1', spec, 'node1'), pod('reads-2', spec, 'node2'));
    for (const name of ['reads-1', 'reads-2']) {
      await succeeds(name);
      assert.equal(await cluster.kubectl('logs', name), 'content');
    }
  });

  it('binds a claim that is ReadWriteOnce, and one that is on one node', async () => {
    const once = await cluster.claim({ name: 'once', mode: 'ReadWriteOnce' });
    const local = await cluster.claim({ name: 'local', mode: 'ReadWriteOnce', node: 'node2' });
    await chmod(once.folder, 0o777);
    const write = shell('echo written >/volume/file', { securityContext: RESTRICTED });
    await cluster.apply(pod('writes', withVolume(write, 'once', 'writable'), 'node1'));
    await cluster.apply(pod('follows', withVolume(shell('true'), local.name)));
    await succeeds('writes');
    await succeeds('follows');
    assert.equal((await podsOf('follows'))[0].spec.nodeName, 'node2');
  });

  it('gives every node an image from a file', async () => {
    await using folder = await tempFolder('image');
    const name = 'longshore.test/greeting:1';
    const source = { name, files: { '/bin/busybox': await installedTool('busybox') }, user: '1000' };
    const entrypoint = ['/bin/busybox', 'echo', 'hello'];
    await cluster.loadImage(await writeImage({ ...source, entrypoint }, join(folder.path, 'image.tar')));
    for (const node of ['node1', 'node2']) {
      const spec = shell('', { image: name, command: undefined });
      await cluster.apply(pod(`greets-${node}`, spec, node));
      await succeeds(`greets-${node}`);
      assert.equal(await cluster.kubectl('logs', `greets-${node}`), 'hello');
    }
  });

  it('lets pods reach an S3 server and a Redis of the test', async () => {
    await using s3 = await startS3({ address: cluster.hostAddress });
    await using redis = await startRedis({ address: cluster.hostAddress });
    const store = new URL(s3.endpoint);
    const queue = new URL(redis.tcp!);
    for (const node of ['node1', 'node2']) {
      assert.match(await inPod(node, http(store.hostname, store.port)), /^HTTP\/1\.1 403 Forbidden/);
      const ping = `printf 'PING\\r\\nQUIT\\r\\n' | nc -w 5 ${queue.hostname} ${queue.port}`;
      assert.equal(await inPod(node, ping), '+PONG\r\n+OK');
    }
  });

  it('refuses a privileged pod in a restricted namespace, and runs a restricted one', async () => {
    await cluster.kubectl('create', 'namespace', 'strict');
    await cluster.kubectl('label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=restricted');
    const privileged = inNamespace(
      'strict',
      pod('bad', shell('true', { securityContext: { privileged: true } })),
    );
    await assert.rejects(cluster.apply(privileged), /violates PodSecurity "restricted:latest"/);
    await cluster.apply(inNamespace('strict', pod('good', shell('id -u', { securityContext: RESTRICTED }))));
    await succeeds('good', 'strict');
    assert.equal(await cluster.kubectl('logs', '--namespace=strict', 'good'), '1000');
  });

  it('enforces a quota', async () => {
    await cluster.kubectl('create', 'namespace', 'poor');
    await cluster.kubectl('create', 'quota', 'none', '--namespace=poor', '--hard=pods=0');
    await until(
      async () =>
        (await cluster.kubectl(
          'get',
          'quota',
          'none',
          '--namespace=poor',
          '--output=jsonpath={.status.hard.pods}',
        )) === '0',
      {
        what: 'the quota is counted',
        withinMs: 120_000,
      },
    );
    await assert.rejects(
      cluster.apply(inNamespace('poor', pod('any', shell('true')))),
      /exceeded quota: none/,
    );
  });

  it("allows a service account what its roles allow, with the account's own token", async () => {
    await cluster.kubectl('create', 'serviceaccount', 'reader');
    await cluster.kubectl('create', 'role', 'reader', '--verb=get,list', '--resource=configmaps');
    await cluster.kubectl(
      'create',
      'rolebinding',
      'reader',
      '--role=reader',
      '--serviceaccount=default:reader',
    );
    const token = await cluster.kubectl('create', 'token', 'reader');
    await using folder = await tempFolder('token');
    const kubeconfig = join(folder.path, 'kubeconfig');
    const administrators = JSON.parse(await readFile(cluster.kubeconfig, 'utf8'));
    const [{ name }] = administrators.users;
    await writeFile(kubeconfig, JSON.stringify({ ...administrators, users: [{ name, user: { token } }] }));
    const get = (what: string) => cluster.kubectl('get', what, '--output=name', '--kubeconfig', kubeconfig);
    assert.match(await get('configmaps'), /configmap\/kube-root-ca\.crt/);
    await assert.rejects(
      get('secrets'),
      /User "system:serviceaccount:default:reader" cannot list resource "secrets"/,
    );
  });

  it('logs which verbs were used, and by whom', async () => {
    await cluster.kubectl('create', 'configmap', 'audited');
    const ours = (await cluster.auditLog()).filter(
      ({ user, verb, objectRef }) =>
        user.username === 'admin' && verb === 'create' && objectRef?.resource === 'configmaps',
    );
    assert.deepEqual(
      ours.map(({ stage }) => stage),
      ['RequestReceived', 'ResponseComplete'],
    );
    assert.equal(ours[1].responseStatus?.code, 201);
    assert.equal(ours[1].objectRef?.name, 'audited');
  });

  it('moves pods off a node that is drained', async () => {
    await cluster.apply(wanderer('drained', 'node2'));
    await movesTo('drained', 'node2');
    await cluster.node(2).drain();
    await movesTo('drained', 'node1');
    await cluster.node(2).uncordon();
    await cluster.apply(client('node2'));
  });

  it('evicts the pods of a node that is lost, which is Ready again after a restart', async () => {
    await cluster.apply(wanderer('bereft', 'node2'));
    await movesTo('bereft', 'node2');
    await cluster.node(2).kill();
    await cluster.node(2).waitUntil('NotReady');
    await movesTo('bereft', 'node1');
    await cluster.node(2).restart();
    await until(async () => (await podsOf('bereft')).length === 1, {
      what: 'the lost pod is gone',
      withinMs: LOSS_MS,
    });
    await cluster.apply(pod('after', shell('nslookup web.default.svc.cluster.local'), 'node2'));
    await succeeds('after');
  });

  it('takes a node that is cut off for lost, until the cut is healed', async () => {
    // Not evicted: a node may take longer to be heard again than its pods are waited for.
    const stays = { ...shell('sleep 3600'), tolerations: [{ operator: 'Exists' }] };
    await cluster.apply(pod('cut-off', stays, 'node2'));
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/cut-off', '--timeout=240s');
    const address = await cluster.kubectl('get', 'pod', 'cut-off', '--output=jsonpath={.status.podIP}');
    await cluster.node(2).partition();
    await assert.rejects(inPod('node1', `ping -c 1 -W 1 ${address}`));
    await cluster.node(2).waitUntil('NotReady');
    await cluster.node(2).heal();
    await cluster.node(2).waitUntil('Ready');
    await inPod('node1', `ping -c 1 -W 5 ${address}`);
  });

  it('leaves nothing when it is stopped', async () => {
    const { folder } = cluster;
    const running = await tracesOf(folder);
    assert.ok(running.processes.length > 10 && running.namespaces.length > 10 && running.remains.length > 2);
    assert.equal(running.links.length, 1);
    await cluster.stop();
    assert.deepEqual(await tracesOf(folder), NO_TRACES);
    assert.deepEqual(await survivorsOf(running), []);
  });

  async function answers(ask: () => Promise<string>, expected: RegExp): Promise<void> {
    await until(async () => expected.test(await ask()), {
      what: `the answer is ${expected}`,
      withinMs: 120_000,
    });
  }

  async function succeeds(name: string, namespace = 'default'): Promise<void> {
    const done = ['--for=jsonpath={.status.phase}=Succeeded', '--timeout=240s'];
    await cluster.kubectl('wait', `--namespace=${namespace}`, `pod/${name}`, ...done);
  }

  async function movesTo(app: string, node: string): Promise<void> {
    const there = async () =>
      (await podsOf(app)).some(
        ({ metadata, spec, status }) =>
          !metadata.deletionTimestamp && spec.nodeName === node && status.phase === 'Running',
      );
    await until(there, { what: `${app} runs on ${node}`, withinMs: LOSS_MS });
  }
});

/** A command of the shell. Debian's static busybox has a wget that crashes. */
const http = (host: string, port: number | string) =>
  `printf 'GET / HTTP/1.1\\r\\nHost: ${host}\\r\\nConnection: close\\r\\n\\r\\n' | nc -w 5 ${host} ${port}`;

const inNamespace = (namespace: string, manifest: Manifest): Manifest => ({
  ...manifest,
  metadata: { ...(manifest.metadata as Manifest), namespace },
});

function withVolume(
  spec: ReturnType<typeof shell>,
  claimName: string,
  access: 'read-only' | 'writable' = 'read-only',
) {
  const readOnly = access === 'read-only';
  const [container] = spec.containers;
  return {
    ...spec,
    containers: [{ ...container, volumeMounts: [{ name: 'volume', mountPath: '/volume', readOnly }] }],
    volumes: [{ name: 'volume', persistentVolumeClaim: { claimName, readOnly } }],
  };
}

function indexedJob(completions: number): Manifest {
  const spread = {
    maxSkew: 1,
    topologyKey: 'kubernetes.io/hostname',
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app: 'indexed' } },
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'indexed' },
    spec: {
      completionMode: 'Indexed',
      completions,
      parallelism: completions,
      template: {
        metadata: { labels: { app: 'indexed' } },
        spec: { ...shell('echo index $JOB_COMPLETION_INDEX'), topologySpreadConstraints: [spread] },
      },
    },
  };
}

const service = (name: string, targetPort: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port: 80, targetPort }] },
});

/** Lets nobody connect to the pods that have these labels. */
const denial = (name: string, matchLabels: Record<string, string>): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name },
  spec: { podSelector: { matchLabels }, policyTypes: ['Ingress'] },
});

/** A pod that prefers a node, and is replaced wherever it's lost. */
function wanderer(name: string, node: string): Manifest {
  const prefers = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] };
  const preferred = [{ weight: 100, preference: prefers }];
  const { restartPolicy: _, ...spec } = shell('sleep 3600');
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          ...spec,
          affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferred } },
        },
      },
    },
  };
}
