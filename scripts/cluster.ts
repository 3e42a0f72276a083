// `npm run cluster [-- OPTIONS]`: a Kubernetes cluster to play with, until Ctrl-C.
//   --nodes N      two where nothing is said
//   --load FILE    an image that every node gets, as `docker save` writes it; as often as you like
//   --clean        only removes what clusters left behind whose process was killed
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { type Cluster, startCluster } from '../test/cluster/harness/cluster.ts';
import { removeAbandoned } from '../test/cluster/harness/state-folder.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2' },
    load: { type: 'string', multiple: true, default: [] },
    clean: { type: 'boolean', default: false },
  },
});

async function clean(): Promise<void> {
  const removed = await removeAbandoned();
  for (const folder of removed) console.log(`Removed ${folder} and its cgroups.`);
  if (removed.length === 0) console.log('No cluster left anything behind.');
}

async function play(nodes: number, signal: AbortSignal): Promise<void> {
  const start = performance.now();
  console.log('Starting a cluster …');
  await using cluster = await startCluster({ nodes, signal });
  for (const image of values.load) await cluster.loadImage(image);
  describe(cluster, (performance.now() - start) / 1000);
  await aborted(signal);
  console.log('\nStopping it …');
}

function describe(cluster: Cluster, seconds: number): void {
  console.log(`It's ready, after ${seconds.toFixed(0)} s: ${cluster.nodes.map(({ name }) => name).join(', ')}. Use it with

  export KUBECONFIG=${cluster.kubeconfig}
  export PATH=${dirname(cluster.kubectlPath)}:$PATH

Pods reach a server on this machine that listens on ${cluster.hostAddress}. There's no registry: nodes have
longshore.test/busybox:1, and images that --load brings. Logs are in ${cluster.folder}.
Ctrl-C stops it and leaves nothing.`);
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
    // What keeps this process running meanwhile is the cluster's.
  });

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  await (values.clean ? clean() : play(Number(values.nodes), interrupt.signal));
} catch (error) {
  if (!interrupt.signal.aborted) {
    console.error(`\nNo cluster: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
