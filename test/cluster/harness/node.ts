import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtTool, installedTool } from '../../harness/tools.ts';
import { DNS_SERVICE } from './addresses.ts';
import { type Authority, writeKubeconfig } from './authority.ts';
import { PAUSE } from './base-images.ts';
import { makeCgroup, removeCgroup } from './cgroups.ts';
import { type ControlPlane, flags } from './control-plane.ts';
import { FIREWALL_USER, startFirewall } from './firewall.ts';
import type { Machine } from './machine.ts';
import type { Network } from './network.ts';
import { until } from './until.ts';

/** On the machine's own /run, which is empty at each boot. */
const CONTAINERD = '/run/containerd/containerd.sock';

const CONTAINERD_MS = 30_000;
const READY_MS = 60_000;
const DRAIN_TIMEOUT = '60s';

/** What a node is made of; the cluster has it. */
export interface NodeOptions {
  number: number;
  machine: Machine;
  /** The cgroup that its pods' cgroups are below. */
  cgroup: string;
  network: Network;
  authority: Authority;
  signal?: AbortSignal;
}

/**
 * A node: a machine with containerd, kubelet, kube-proxy, and kube-router as its firewall. Its boot has two halves,
 * because the first one needs no control plane, and takes as long as that needs to start.
 */
export class ClusterNode {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly #options: NodeOptions;
  readonly #machine: Machine;
  #control: ControlPlane | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
    this.#machine = options.machine;
    this.number = options.number;
    this.name = options.machine.name;
    this.address = options.network.addresses.node(options.number);
  }

  /** Power, network, containers. */
  async boot(): Promise<void> {
    const { cgroup, network, number, signal } = this.#options;
    makeCgroup(cgroup);
    await this.#machine.boot();
    await network.plug(number, this.#machine);
    const configuration = await this.#writeContainerd();
    this.#machine.start(await installedTool('containerd'), ['--config', configuration]);
    await until(() => access(this.#machine.path(CONTAINERD)).then(() => true), {
      what: `containerd answers on ${this.name}`,
      withinMs: CONTAINERD_MS,
      signal,
      check: () => this.#machine.check(),
    });
  }

  /** kubelet, kube-proxy and firewall. Resolves when the node is Ready, and NetworkPolicies are in force on it. */
  async join(control: ControlPlane): Promise<void> {
    this.#control = control;
    const kubelet = await this.#kubeletOptions(control.server);
    this.#machine.start(await builtTool('kubelet'), flags(kubelet));
    const proxy = await this.#writeProxy(control.server);
    this.#machine.start(await builtTool('kube-proxy'), ['--config', proxy]);
    const kubeconfig = await this.#kubeconfigOf(FIREWALL_USER, control.server);
    // Before, it would end: it wants to know the node's address from the API.
    await this.waitUntil('Ready');
    await startFirewall(this.#machine, { kubeconfig, signal: this.#options.signal });
  }

  /** Imports an image's file, as `docker save` or `writeImage` writes it. */
  async load(tar: string): Promise<void> {
    await this.#machine.run('ctr', [
      '--address',
      CONTAINERD,
      '--namespace',
      'k8s.io',
      'images',
      'import',
      tar,
    ]);
  }

  /** Forgets an image, by its full name: `docker.io/library/busybox:1`. */
  async unload(image: string): Promise<void> {
    const ctr = ['--address', CONTAINERD, '--namespace', 'k8s.io'];
    await this.#machine.run('ctr', [...ctr, 'images', 'remove', '--sync', image]);
  }

  /**
   * As a lost machine: kubelet, containerd, all containers and the network are gone at the same moment, and nobody
   * tells the control plane. The disk stays.
   */
  async kill(): Promise<void> {
    await this.#machine.cutPower();
    await this.#options.network.unplug(this.number);
    // A computer has none after a boot. kubelet waits three seconds for each container that it can't find in one.
    await removeCgroup(this.#options.cgroup);
  }

  /** Boots it again, after `kill` or instead of it. Resolves when the node is Ready. */
  async restart(): Promise<void> {
    const control = this.#joined();
    await this.kill();
    await this.boot();
    await this.join(control);
  }

  /** Its network cable is out: its pods go on, and reach no other machine, and nobody reaches it. */
  partition(): Promise<void> {
    return this.#options.network.setLink(this.number, 'down');
  }

  heal(): Promise<void> {
    return this.#options.network.setLink(this.number, 'up');
  }

  /** Evicts its pods and takes no new ones, until `uncordon`. */
  async drain(): Promise<void> {
    const how = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', `--timeout=${DRAIN_TIMEOUT}`];
    await this.#joined().kubectl.run('drain', this.name, ...how);
  }

  async uncordon(): Promise<void> {
    await this.#joined().kubectl.run('uncordon', this.name);
  }

  /** Waits until the control plane takes it for ready, or for lost. */
  async waitUntil(state: 'Ready' | 'NotReady'): Promise<void> {
    const { kubectl } = this.#joined();
    const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
    await until(
      async () =>
        ((await kubectl.run('get', 'node', this.name, '--output', path)) === 'True') === (state === 'Ready'),
      {
        what: `${this.name} is ${state}`,
        withinMs: READY_MS,
        signal: this.#options.signal,
        check: () => state === 'Ready' && this.#machine.check(),
      },
    );
  }

  #joined(): ControlPlane {
    if (!this.#control) throw new Error(`${this.name} hasn't joined the cluster yet`);
    return this.#control;
  }

  async #writeContainerd(): Promise<string> {
    const { network, number } = this.#options;
    const folder = this.#machine.folder;
    const networks = await this.#machine.makeFolder('cni');
    await writeFile(
      join(networks, '10-pods.conflist'),
      JSON.stringify(podNetwork(network.addresses.podsOf(number))),
    );
    const plugins = join(await installedTool('host-local'), '..');
    const toml = `
      version = 2
      root = "${join(folder, 'containerd')}"
      state = "/run/containerd/state"
      [grpc]
        address = "${CONTAINERD}"
      [plugins."io.containerd.grpc.v1.cri"]
        sandbox_image = "${PAUSE}"
        # Lowering a score needs CAP_SYS_RESOURCE, and runc dies without it.
        restrict_oom_score_adj = true
        [plugins."io.containerd.grpc.v1.cri".cni]
          bin_dir = "${plugins}"
          conf_dir = "${networks}"
    `;
    return this.#write('containerd.toml', toml);
  }

  async #kubeletOptions(server: string): Promise<Record<string, string>> {
    const { authority } = this.#options;
    const user = `system:node:${this.name}`;
    const identity = await authority.issue(this.name, {
      user,
      group: 'system:nodes',
      hosts: [`DNS:${this.name}`, `IP:${this.address}`],
    });
    const folder = this.#machine.folder;
    const configuration = {
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
      ...this.#cgroupSettings(),
      ...REPORTING,
      ...DNS,
      // Names outside of the cluster have nobody to be asked.
      resolvConf: await this.#write('resolv.conf', 'options timeout:1\n'),
      containerRuntimeEndpoint: `unix://${CONTAINERD}`,
      podLogsDir: await this.#machine.makeFolder('pod-logs'),
      authentication: {
        anonymous: { enabled: false },
        webhook: { enabled: true },
        x509: { clientCAFile: authority.certificate },
      },
      authorization: { mode: 'Webhook' },
      tlsCertFile: identity.certificate,
      tlsPrivateKeyFile: identity.key,
      // The disk is this machine's, and how full that is is no concern of the tests; nor is there a registry to get an
      // image from again.
      imageGCHighThresholdPercent: 100,
      evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%' },
    };
    return {
      kubeconfig: await writeKubeconfig(join(folder, 'kubelet.kubeconfig'), { server, authority, identity }),
      config: await this.#write('kubelet.json', JSON.stringify(configuration)),
      'root-dir': await this.#machine.makeFolder('kubelet'),
      'hostname-override': this.name,
      'node-ip': this.address,
    };
  }

  /** Each kubelet deletes what it doesn't know below its root, so that two of them need two roots. */
  #cgroupSettings() {
    return {
      cgroupRoot: `/${this.#options.cgroup}`,
      cgroupDriver: 'cgroupfs',
      failCgroupV1: false,
      failSwapOn: false,
      enforceNodeAllocatable: [],
    };
  }

  async #writeProxy(server: string): Promise<string> {
    const { network } = this.#options;
    const kubeconfig = await this.#kubeconfigOf('system:kube-proxy', server);
    const configuration = {
      apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
      kind: 'KubeProxyConfiguration',
      mode: 'iptables',
      // A second otherwise. Until the rules of a Service's new pod are there, packets to it are lost: kube-router's
      // firewall lets them through, ahead of kube-proxy's own rule that refuses them.
      iptables: { minSyncPeriod: '100ms' },
      clusterCIDR: network.addresses.all,
      hostnameOverride: this.name,
      clientConnection: { kubeconfig },
      // The limits are for all namespaces together: they aren't a node's to set.
      conntrack: { maxPerCore: 0, min: 0 },
    };
    return this.#write('kube-proxy.json', JSON.stringify(configuration));
  }

  /** Of a program that serves the node, and isn't known as the node. */
  async #kubeconfigOf(user: string, server: string): Promise<string> {
    const { authority } = this.#options;
    const name = user.replace('system:', '');
    const identity = await authority.issue(`${this.name}-${name}`, { user });
    const path = join(this.#machine.folder, `${name}.kubeconfig`);
    return writeKubeconfig(path, { server, authority, identity });
  }

  async #write(name: string, text: string): Promise<string> {
    const path = join(this.#machine.folder, name);
    await writeFile(path, text);
    return path;
  }
}

const DNS = { clusterDNS: [DNS_SERVICE], clusterDomain: 'cluster.local' };

/** A lease is renewed four times in its duration: so a node is lost to the control plane after seconds, not a minute. */
const REPORTING = { nodeStatusUpdateFrequency: '4s', nodeLeaseDurationSeconds: 8 };

/** Pods on one node are joined by a bridge, and reach all others by routes, with their own addresses. */
const podNetwork = (subnet: string) => ({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods',
      isGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: { type: 'host-local', ranges: [[{ subnet }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});
