import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtTool } from '../../harness/tools.ts';
import type { AuditEvent } from './audit.ts';
import { Authority } from './authority.ts';
import { writeBaseImages } from './base-images.ts';
import { type Claim, type ClaimOptions, makeClaim } from './claim.ts';
import { ControlPlane } from './control-plane.ts';
import type { Kubectl, Manifest } from './kubectl.ts';
import { Machine } from './machine.ts';
import { Network } from './network.ts';
import { ClusterNode } from './node.ts';
import { checkRequirements } from './requirements.ts';
import { removeAbandoned, type StateFolder, stateFolder } from './state-folder.ts';
import { allOf, until } from './until.ts';

export interface ClusterOptions {
  /** How many; two where nothing is said. */
  nodes?: number;
  /** Stops a start, and cleans up. */
  signal?: AbortSignal;
}

/** How long small things take at most that come by themselves after the start: a service account, CoreDNS. */
const SETTLE_MS = 60_000;

/** What the nodes' own programs need in the API. */
const MANIFESTS = ['dns.yaml', 'firewall.yaml'].map((name) => new URL(name, import.meta.url));

/**
 * Starts a real Kubernetes: a control plane and nodes, each on a machine made of namespaces, with certificates of its
 * own authority, RBAC, audit log, CoreDNS and NetworkPolicies that are enforced. Resolves when all of it is ready. Any
 * number of clusters may run at a time. When this process dies, the kernel kills all of them; what is left then are
 * folders and cgroups, which the next start removes.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  await checkRequirements();
  await removeAbandoned();
  await using resources = new AsyncDisposableStack();
  const parts = await assemble(resources, options);
  await bring(parts, options);
  return new Cluster(parts, resources.move());
}

interface Parts {
  folder: StateFolder;
  authority: Authority;
  network: Network;
  controlMachine: Machine;
  nodes: ClusterNode[];
  control?: ControlPlane;
}

/** Everything that has to be taken away again, in the order in which it's made. */
async function assemble(
  resources: AsyncDisposableStack,
  { nodes = 2, signal }: ClusterOptions,
): Promise<Parts> {
  const folder = resources.use(await stateFolder());
  const init = await builtTool('machine-init');
  const machine = (name: string) => {
    const made = new Machine({ name, folder: join(folder.path, name), init });
    resources.defer(() => made.cutPower());
    return made;
  };
  const controlMachine = machine('control');
  await controlMachine.boot();
  const network = resources.use(await Network.of(controlMachine, folder.name));
  const authority = await Authority.create(await makeFolder(folder.path, 'certificates'));
  const numbers = Array.from({ length: nodes }, (_, index) => index + 1);
  const made = numbers.map((number) => {
    const name = `node${number}`;
    const cgroup = `${folder.name}/${name}`;
    return new ClusterNode({ number, machine: machine(name), cgroup, network, authority, signal });
  });
  return { folder, authority, network, controlMachine, nodes: made };
}

async function makeFolder(parent: string, name: string): Promise<string> {
  const path = join(parent, name);
  await mkdir(path, { recursive: true });
  return path;
}

/** The control plane starts while nodes boot and get their images. */
async function bring(parts: Parts, { signal }: ClusterOptions): Promise<void> {
  const { controlMachine: machine, network, authority } = parts;
  const starting = ControlPlane.start({ machine, authority, addresses: network.addresses }, signal);
  const booting = bootNodes(parts);
  const [control] = await allOf([starting, booting]);
  parts.control = control;
  const { kubectl } = parts.control;
  await kubectl.apply(...(await Promise.all(MANIFESTS.map((manifest) => readFile(manifest, 'utf8')))));
  await allOf(parts.nodes.map((node) => node.join(control)));
  await settle(kubectl, signal);
}

/** Nodes join the network one after the other, since each one tells the others its routes. */
async function bootNodes({ nodes, folder }: Parts): Promise<void> {
  const [images] = await allOf([writeBaseImages(await makeFolder(folder.path, 'images')), bootInTurn(nodes)]);
  await allOf(nodes.map((node) => loadAll(node, images)));
}

async function bootInTurn(nodes: readonly ClusterNode[]): Promise<void> {
  for (const node of nodes) await node.boot();
}

async function loadAll(node: ClusterNode, images: readonly string[]): Promise<void> {
  for (const image of images) await node.load(image);
}

/** A pod can be made, and finds names, only then. */
async function settle(kubectl: Kubectl, signal?: AbortSignal): Promise<void> {
  const there = async () => (await kubectl.run('get', 'serviceaccount', 'default', '--output=name')) !== '';
  await until(there, { what: 'the default service account is there', withinMs: SETTLE_MS, signal });
  const rollout = ['rollout', 'status', 'daemonset/coredns', '--namespace=kube-system'];
  await kubectl.run(...rollout, `--timeout=${SETTLE_MS / 1000}s`);
}

/** A cluster that runs. */
export class Cluster implements AsyncDisposable {
  /** The administrator's kubeconfig: its path. */
  readonly kubeconfig: string;
  /** kubectl of the cluster's version: its path. */
  readonly kubectlPath: string;
  /** This machine, as pods reach it: servers that a test starts for them listen there. */
  readonly hostAddress: string;
  readonly nodes: readonly ClusterNode[];
  /** Everything that the cluster keeps, logs too: `FOLDER/node1/kubelet.log`. */
  readonly folder: string;
  readonly #control: ControlPlane;
  readonly #resources: AsyncDisposableStack;

  constructor(parts: Parts, resources: AsyncDisposableStack) {
    if (!parts.control) throw new Error("the cluster hasn't got a control plane");
    this.#control = parts.control;
    this.#resources = resources;
    this.kubeconfig = parts.control.kubectl.kubeconfig;
    this.kubectlPath = parts.control.kubectl.path;
    this.hostAddress = parts.network.addresses.host;
    this.nodes = parts.nodes;
    this.folder = parts.folder.path;
  }

  /** The first node is 1, and called `node1`. */
  node(number: number): ClusterNode {
    const node = this.nodes[number - 1];
    if (!node) throw new Error(`there's no node ${number}, only ${this.nodes.length}`);
    return node;
  }

  /** Runs kubectl, and gives what it says; rejects with what it complains about. */
  kubectl(...args: string[]): Promise<string> {
    return this.#control.kubectl.run(...args);
  }

  /** The same with `--output=json`, parsed. */
  json<T>(...args: string[]): Promise<T> {
    return this.#control.kubectl.json<T>(...args);
  }

  /** Applies objects, or text in YAML. */
  apply(...manifests: readonly (Manifest | string)[]): Promise<void> {
    return this.#control.kubectl.apply(...manifests);
  }

  /** Gives every node an image, from a file as `docker save` or `writeImage` writes it. */
  async loadImage(tar: string): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.load(tar)));
  }

  claim(options: ClaimOptions): Promise<Claim> {
    return makeClaim(options, { kubectl: this.#control.kubectl, parent: join(this.folder, 'volumes') });
  }

  /** What was asked of the API server since its start, oldest first. */
  auditLog(): Promise<AuditEvent[]> {
    return this.#control.auditLog();
  }

  /** Nothing of it is left then: no process, mount, namespace, link, cgroup or folder. */
  stop(): Promise<void> {
    return this.#resources.disposeAsync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
