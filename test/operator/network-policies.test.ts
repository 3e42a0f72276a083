import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { execa } from 'execa';
import type { Manifest } from '../cluster/harness/kubectl.ts';
import { pod, RESTRICTED, shell } from '../cluster/harness/pods.ts';
import { until } from '../cluster/harness/until.ts';
import { installation } from './fixture.ts';

const TEST_MS = 600_000;

/** Rules follow a policy, or a pod that it's about, within a second or two; the machine may be busy. */
const IN_FORCE_MS = 60_000;

/** Within which a connection that isn't refused, but whose packets are dropped, is given up. */
const CONNECT_SECONDS = 5;

/** Another port of the producer's pods, where a test listens. */
const OTHER_PORT = 8081;

const WORKER = { 'app.kubernetes.io/name': 'longshore', 'app.kubernetes.io/component': 'worker' };
const REDIS = { host: 'longshore-redis.longshore', port: 6379 };

interface Place {
  host: string;
  port: number;
}

/** Whoever is refused connects while there is one more policy, which allows everything: so it's the policies' doing. */
describe('the network policies of an installation', function () {
  this.timeout(TEST_MS);
  const kubectl = (...args: string[]) => installation().cluster.kubectl(...args);

  const clients = {
    stranger: client('stranger', 'neighbours'),
    worker: client('worker', 'neighbours', WORKER),
    unlabelled: client('unlabelled', 'longshore'),
  };

  before(async () => {
    await installation().namespace('neighbours');
    await installation().cluster.apply(...Object.values(clients).map(({ manifest }) => manifest));
    for (const { name, namespace } of Object.values(clients))
      await kubectl(
        'wait',
        '--for=condition=Ready',
        `pod/${name}`,
        '--timeout=240s',
        `--namespace=${namespace}`,
      );
  });
  after(async () => {
    await kubectl('delete', 'pod', 'unlabelled', '--namespace=longshore');
    await kubectl('delete', 'namespace', 'neighbours');
  });

  /** Whether a client's pod can connect. That its command runs at all is seen from what it says. */
  async function connects(from: keyof typeof clients, { host, port }: Place): Promise<boolean> {
    const { name, namespace } = clients[from];
    const script = `nc -w ${CONNECT_SECONDS} ${host} ${port} -e true 2>/dev/null && echo yes || echo no`;
    return (await kubectl('exec', `--namespace=${namespace}`, name, '--', 'sh', '-c', script)) === 'yes';
  }

  /** The same from Redis' own pod, which has no nc. */
  async function redisConnects({ host, port }: Place): Promise<boolean> {
    const script = `const [host, port, seconds] = process.argv.slice(1);
      const socket = require('node:net').connect({ host, port: Number(port) });
      const say = (word) => { console.log(word); process.exit(); };
      socket.on('connect', () => say('yes')).on('error', () => say('no'));
      setTimeout(() => say('no'), seconds * 1000);`;
    const node = ['node', '--eval', script, host, String(port), String(CONNECT_SECONDS)];
    return (await kubectl('exec', '--namespace=longshore', 'longshore-redis-0', '--', ...node)) === 'yes';
  }

  async function untilConnects(who: string, connects: () => Promise<boolean>): Promise<void> {
    await until(connects, { what: `${who} connects`, withinMs: IN_FORCE_MS });
  }

  async function untilRefused(who: string, connects: () => Promise<boolean>): Promise<void> {
    await until(async () => !(await connects()), { what: `${who} is refused`, withinMs: IN_FORCE_MS });
  }

  /** Policies add up: so what happens with this one and not without it, the installation's own prevent. */
  async function whileOpen(component: string, act: () => Promise<void>): Promise<void> {
    await installation().cluster.apply(openPolicy(component));
    try {
      await act();
    } finally {
      await kubectl('delete', 'networkpolicy', 'open', '--namespace=longshore');
    }
  }

  it('let workers of any namespace connect to Redis', async () => {
    await untilConnects('a worker', () => connects('worker', REDIS));
  });

  for (const from of ['stranger', 'unlabelled'] as const)
    it(`keep a pod that is no worker from Redis: ${from}`, async () => {
      const connectsToRedis = () => connects(from, REDIS);
      await untilRefused(from, connectsToRedis);
      await whileOpen('redis', () => untilConnects(from, connectsToRedis));
      await untilRefused(from, connectsToRedis);
    });

  it('let Redis connect to nobody', async () => {
    const server = createServer((socket) => socket.end()).listen(0, installation().cluster.hostAddress);
    await once(server, 'listening');
    try {
      const address = server.address();
      assert.ok(address && typeof address === 'object');
      const outside = { host: address.address, port: address.port };
      const api = { host: await clusterIp('kubernetes', 'default'), port: 443 };
      for (const place of [outside, api]) {
        const connectsOut = () => redisConnects(place);
        await untilRefused('Redis', connectsOut);
        await whileOpen('redis', () => untilConnects('Redis', connectsOut));
        await untilRefused('Redis', connectsOut);
      }
    } finally {
      server.close();
    }
  });

  it('let everybody connect to the API of a producer, and nobody to another port', async () => {
    assert.ok(await connects('stranger', { host: 'longshore.longshore', port: 80 }));
    const { name, address } = await aProducer();
    await using listener = await listenIn(name);
    const other = { host: address, port: listener.port };
    const connectsToOther = () => connects('stranger', other);
    assert.ok(await connects('stranger', { host: address, port: 8080 }));
    // This machine, which is no pod.
    assert.equal((await fetch(`http://${address}:8080/healthz`)).status, 200);
    await untilRefused('a stranger at another port', connectsToOther);
    await whileOpen('producer', () => untilConnects('a stranger at another port', connectsToOther));
    await untilRefused('a stranger at another port', connectsToOther);
  });

  const clusterIp = (service: string, namespace: string) =>
    kubectl('get', 'service', service, `--namespace=${namespace}`, '--output=jsonpath={.spec.clusterIP}');

  async function aProducer(): Promise<{ name: string; address: string }> {
    const path = '--output=jsonpath={.items[0].metadata.name} {.items[0].status.podIP}';
    const which = ['--namespace=longshore', '--selector=app.kubernetes.io/component=producer'];
    const running = '--field-selector=status.phase=Running';
    const [name, address] = (await kubectl('get', 'pods', ...which, running, path)).split(' ');
    return { name, address };
  }

  /** Something else that listens in a producer's pod, until its standard input ends. */
  async function listenIn(name: string) {
    const { kubectlPath, kubeconfig } = installation().cluster;
    const script = `require('node:net').createServer((socket) => socket.end()).listen(${OTHER_PORT}, () =>
      console.log('listening'));
      process.stdin.resume().on('end', () => process.exit());`;
    const target = ['exec', '--stdin', '--namespace=longshore', name, '--', 'node', '--eval', script];
    const running = execa(kubectlPath, ['--kubeconfig', kubeconfig, ...target]);
    await Promise.race([once(running.stdout, 'data'), running]);
    const stop = async () => {
      running.stdin.end();
      await running;
    };
    return { port: OTHER_PORT, [Symbol.asyncDispose]: stop };
  }
});

interface Client {
  name: string;
  namespace: string;
  manifest: Manifest;
}

/** A pod with a shell, as a restricted namespace takes it. */
function client(name: string, namespace: string, labels: Record<string, string> = {}): Client {
  return {
    name,
    namespace,
    manifest: {
      ...pod(name, shell('sleep 3600', { securityContext: RESTRICTED })),
      metadata: { name, namespace, labels },
    },
  };
}

/** Lets everything in and out, at one component of Longshore. */
const openPolicy = (component: string): Manifest => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'open', namespace: 'longshore' },
  spec: {
    podSelector: { matchLabels: { 'app.kubernetes.io/component': component } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [{}],
    egress: [{}],
  },
});
