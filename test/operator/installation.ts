import { chmod, readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import type { Phase, VolumeExportSpec, VolumeExportStatus } from '@longshore/shared';
import type { z } from 'zod';
import type { Claim, ClaimOptions } from '../cluster/harness/claim.ts';
import { type Cluster, startCluster } from '../cluster/harness/cluster.ts';
import type { Manifest } from '../cluster/harness/kubectl.ts';
import { until } from '../cluster/harness/until.ts';
import { makeRandomTree } from '../fixtures/random-tree.ts';
import { type TempFolder, tempFolder } from '../harness/temp.ts';
import { type S3Server, startS3 } from '../harness/versitygw.ts';
import { IMAGE_NAME, saveLongshoreImage } from './longshore-image.ts';

export const OVERLAY = join(import.meta.dirname, '../../k8s/overlays/default');

const VOLUME_EXPORTS = { group: 'longshore.dev', version: 'v1alpha1', plural: 'volumeexports' };

/** Producers, and the Redis that waits for the password that they make. */
const ROLLOUT = '--timeout=600s';

/** How long a user that was made again stays: two of the producers' looks, on a busy machine. */
const USERS_MS = 240_000;

export const BUCKET = 'archives';
export const SECRET = 'archive-bucket';

export interface VolumeExport {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    generation: number;
    resourceVersion: string;
    annotations?: Record<string, string>;
    finalizers?: string[];
    deletionTimestamp?: string;
  };
  spec: VolumeExportSpec;
  status?: VolumeExportStatus;
}

/** As a user writes it: what has a default is left out. */
type SpecInput = Partial<z.input<typeof VolumeExportSpec>>;

export interface Applied {
  name: string;
  namespace: string;
}

export interface InstallationOptions {
  /** An image that was saved before. */
  image?: string;
}

const PRODUCERS = ['--namespace=longshore', '--selector=app.kubernetes.io/component=producer'];

const lastLines = (text: string) => text.split('\n').slice(-60).join('\n');

/** A cluster with Longshore in it as `kubectl apply -k` installs it, and an S3 server beside it. */
export class Installation implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly s3: S3Server;
  readonly #stack: AsyncDisposableStack;
  readonly #image: string;
  /** For what is asked again and again: a process of kubectl each time would take the cores from the workers. */
  readonly #api: CustomObjectsApi;

  static async start({ image }: InstallationOptions = {}): Promise<Installation> {
    await using stack = new AsyncDisposableStack();
    const temp: TempFolder = stack.use(await tempFolder('installation'));
    const tar = image ?? (await saveLongshoreImage(temp.path));
    const cluster = stack.use(await startCluster());
    const s3 = stack.use(await startS3({ address: cluster.hostAddress }));
    await s3.bucket(BUCKET);
    await cluster.loadImage(tar);
    const installation = new Installation({ cluster, s3, image: tar }, stack.move());
    await installation.install();
    return installation;
  }

  private constructor(parts: { cluster: Cluster; s3: S3Server; image: string }, stack: AsyncDisposableStack) {
    this.#image = parts.image;
    const config = new KubeConfig();
    config.loadFromFile(parts.cluster.kubeconfig);
    this.#api = config.makeApiClient(CustomObjectsApi);
    this.cluster = parts.cluster;
    this.s3 = parts.s3;
    this.#stack = stack;
  }

  /** The claim takes the place of what a storage class would make. */
  async install(): Promise<void> {
    const { cluster } = this;
    await this.namespace('longshore');
    const data = await cluster.claim({
      namespace: 'longshore',
      name: 'data-longshore-redis-0',
      mode: 'ReadWriteOnce',
    });
    await chmod(data.folder, 0o777);
    await this.apply();
  }

  async apply(overlay = OVERLAY): Promise<void> {
    await this.cluster.kubectl('apply', '--server-side', '--kustomize', overlay);
    await this.rolledOut();
  }

  async rolledOut(): Promise<void> {
    const { cluster } = this;
    for (const what of ['statefulset/longshore-redis', 'deployment/longshore-producer'])
      await cluster.kubectl('rollout', 'status', '--namespace=longshore', what, ROLLOUT);
  }

  async namespace(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  }

  /** A namespace at the restricted level, with the Secret of a bucket. */
  async tenant(name: string): Promise<void> {
    await this.namespace(name, { 'pod-security.kubernetes.io/enforce': 'restricted' });
    await this.secret(name);
  }

  async secret(namespace: string, data: Record<string, string> = {}): Promise<void> {
    const { accessKeyId, secretAccessKey } = this.s3.credentials;
    const { endpoint, region } = this.s3;
    await this.cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: SECRET, namespace },
      stringData: { endpoint, region, bucket: BUCKET, accessKeyId, secretAccessKey, ...data },
    });
  }

  /** A claim whose files anybody may read. */
  async claim(options: ClaimOptions): Promise<Claim> {
    const claim = await this.cluster.claim(options);
    await chmod(claim.folder, 0o755);
    return claim;
  }

  /** A claim `small` that is exported in a moment. */
  async smallClaim(namespace: string): Promise<Claim> {
    const claim = await this.claim({ name: 'small', namespace });
    makeRandomTree(claim.folder, { seed: 3, bytes: 100_000, files: 20 });
    return claim;
  }

  /** A claim `data` whose export takes half a minute at a high level. */
  async slowClaim(namespace: string, options: Partial<ClaimOptions> = {}): Promise<Claim> {
    const claim = await this.claim({ name: 'data', namespace, ...options });
    makeRandomTree(claim.folder, { seed: 4, bytes: 200_000_000, files: 200 });
    return claim;
  }

  async export({ name, namespace }: Applied, spec: SpecInput & { claim: string }): Promise<void> {
    const { claim, ...rest } = spec;
    const manifest: Manifest = {
      apiVersion: 'longshore.dev/v1alpha1',
      kind: 'VolumeExport',
      metadata: { name, namespace },
      spec: { source: { claim }, destination: { secret: SECRET, prefix: namespace }, ...rest },
    };
    await this.cluster.apply(manifest);
  }

  get({ name, namespace }: Applied): Promise<VolumeExport> {
    return this.#api.getNamespacedCustomObject({ ...VOLUME_EXPORTS, namespace, name });
  }

  async list(namespace: string): Promise<VolumeExport[]> {
    const { items } = await this.#api.listNamespacedCustomObject({ ...VOLUME_EXPORTS, namespace });
    return items;
  }

  /** Waits for a phase; the resource as it then is. */
  async untilPhase(which: Applied, phase: Phase, withinMs: number): Promise<VolumeExport> {
    let seen: VolumeExport | undefined;
    const check = async () => {
      seen = await this.get(which);
      return seen.status?.phase === phase;
    };
    try {
      await until(check, { what: `${which.name} is ${phase}`, withinMs });
    } catch (cause) {
      const said = JSON.stringify(seen?.status?.conditions ?? seen?.status, undefined, 1);
      throw new Error(`${which.name} is ${seen?.status?.phase} and not ${phase}: ${said}`, { cause });
    }
    return seen!;
  }

  /** Waits until nothing is left to be taken away: the resource then needs nobody any more to be deleted. */
  async untilFreed(which: Applied): Promise<void> {
    await until(async () => (await this.get(which)).metadata.finalizers === undefined, {
      what: `${which.name} has no finalizer`,
      withinMs: 120_000,
    });
  }

  /** Deletes the resource, and waits until it's gone. */
  async delete({ name, namespace }: Applied, timeout = '240s'): Promise<void> {
    await this.cluster.kubectl('delete', 'vex', name, `--namespace=${namespace}`, `--timeout=${timeout}`);
  }

  async untilGone({ name, namespace }: Applied, withinMs: number): Promise<void> {
    const there = ['get', 'vex', name, `--namespace=${namespace}`, '--ignore-not-found', '--output=name'];
    await until(async () => (await this.cluster.kubectl(...there)) === '', {
      what: `${name} is gone`,
      withinMs,
    });
  }

  /** While no node has the image, and there's no registry to get it from. */
  async withoutImage(act: () => Promise<void>): Promise<void> {
    for (const node of this.cluster.nodes) await node.unload(`docker.io/library/${IMAGE_NAME}`);
    try {
      await act();
    } finally {
      await this.cluster.loadImage(this.#image);
    }
  }

  /** Of the Events about it. */
  async reasons({ name, namespace }: Applied): Promise<string[]> {
    const about = `involvedObject.name=${name},involvedObject.kind=VolumeExport`;
    const path = 'jsonpath={.items[*].reason}';
    const where = [`--namespace=${namespace}`, `--field-selector=${about}`];
    return (await this.cluster.kubectl('get', 'events', ...where, '--output', path))
      .split(' ')
      .filter(Boolean);
  }

  async workerSecrets(namespace: string): Promise<string[]> {
    const all = await this.cluster.kubectl('get', 'secrets', `--namespace=${namespace}`, '--output=name');
    return all.split('\n').filter((name) => name && name !== `secret/${SECRET}`);
  }

  async redisUsers(): Promise<string[]> {
    return (await this.redis('acl', 'users')).split('\n');
  }

  /** A producer that looked before an end may make the user again, and takes it away when it looks the next times. */
  async untilNoExportHasUser(): Promise<void> {
    await until(async () => (await this.redisUsers()).join() === 'default', {
      what: 'no export has a user in Redis any more',
      withinMs: USERS_MS,
    });
  }

  /** Keys of exports' queues. */
  async exportKeys(): Promise<string[]> {
    return (await this.redis('keys', 'bull:export-*')).split('\n').filter(Boolean);
  }

  /** A command as an export's pods may give it: as the user in the workers' Secret. */
  async redisAsWorkerOf({ name, namespace }: Applied, ...command: string[]): Promise<string> {
    const which = [`--namespace=${namespace}`, `--selector=longshore.dev/export=${name}`];
    const path = ['--output', 'jsonpath={.items[0].data.redis-url}'];
    const encoded = await this.cluster.kubectl('get', 'secrets', ...which, ...path);
    const url = new URL(Buffer.from(encoded, 'base64').toString());
    // In Redis' own pod, which can't even ask for a name.
    url.hostname = '127.0.0.1';
    return this.redisAt(url.href, ...command);
  }

  /** A command as the administrator, in Redis' own pod. */
  async redis(...command: string[]): Promise<string> {
    const path = 'jsonpath={.data.redis-password}';
    const encoded = await this.cluster.kubectl(
      'get',
      'secret',
      'longshore-keys',
      '--namespace=longshore',
      '-o',
      path,
    );
    const password = Buffer.from(encoded, 'base64').toString();
    return this.redisAt(`redis://default:${password}@127.0.0.1:6379`, ...command);
  }

  /** A command as whoever the address says. An error is what is said. */
  redisAt(url: string, ...command: string[]): Promise<string> {
    const cli = ['timeout', '5', 'redis-cli', '--no-auth-warning', '--raw', '-u', url];
    return this.cluster.kubectl(
      'exec',
      '--namespace=longshore',
      'longshore-redis-0',
      '--',
      ...cli,
      ...command,
    );
  }

  /** Number of a node that can be lost while Redis stays where it is. */
  async nodeWithoutRedis(): Promise<number> {
    const where = ['longshore-redis-0', '--namespace=longshore', '--output=jsonpath={.spec.nodeName}'];
    const name = await this.cluster.kubectl('get', 'pod', ...where);
    const other = this.cluster.nodes.find((node) => node.name !== name);
    if (!other) throw new Error('there is no other node');
    return other.number;
  }

  /** What there is and what was said lately, for whoever has to find out why a test failed. */
  async state(): Promise<string> {
    const asked = [
      ['get', 'nodes,vex,jobs,pods', '--all-namespaces', '--output=wide'],
      ['get', 'events', '--all-namespaces', '--field-selector=type!=Normal', '--sort-by=.lastTimestamp'],
      ['logs', ...PRODUCERS, '--prefix', '--since=10m', '--tail=40'],
    ];
    const said = await Promise.allSettled(asked.map((args) => this.cluster.kubectl(...args)));
    return said
      .map((one) => (one.status === 'fulfilled' ? lastLines(one.value) : String(one.reason)))
      .join('\n');
  }

  /** Work areas and uploads that nobody has taken away. */
  async leftInStore(): Promise<string[]> {
    const bucket = join(this.s3.dir, BUCKET);
    // Not a glob, whose ** passes over what begins with a dot.
    const files = await readdir(bucket, { recursive: true, withFileTypes: true });
    return files
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => relative(bucket, join(parentPath, name)))
      .filter((path) => /(^|\/)\.(longshore|sgwtmp)\//.test(path));
  }

  /** Takes away what an export that was let go has left. */
  async emptyStore(): Promise<void> {
    const bucket = join(this.s3.dir, BUCKET);
    for (const path of await this.leftInStore()) await rm(join(bucket, path));
  }

  /** The id of the upload that is open for it. */
  async uploadOf(which: Applied): Promise<string> {
    const { status } = await this.get(which);
    const run = status?.record?.run as { upload?: { id: string } } | undefined;
    if (!run?.upload) throw new Error(`${which.name} has no upload: ${JSON.stringify(status)}`);
    return run.upload.id;
  }

  /** What the producers that run have said. */
  async producersLog(): Promise<string> {
    return this.cluster.kubectl('logs', ...PRODUCERS, '--tail=-1');
  }

  /** No producer runs any more then. */
  async pauseProducers(): Promise<void> {
    await this.#scaleProducers(0);
    await this.cluster.kubectl('wait', '--for=delete', 'pod', ...PRODUCERS, '--timeout=240s');
  }

  async resumeProducers(): Promise<void> {
    await this.#scaleProducers(2);
    await this.rolledOut();
  }

  async #scaleProducers(replicas: number): Promise<void> {
    const what = ['deployment/longshore-producer', '--namespace=longshore', `--replicas=${replicas}`];
    await this.cluster.kubectl('scale', ...what);
  }

  /** The archive's file in the S3 server. */
  archive({ name, namespace }: Applied, format = 'tar.zst'): string {
    return join(this.s3.dir, BUCKET, namespace, `${name}.${format}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
