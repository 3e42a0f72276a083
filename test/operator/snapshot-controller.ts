import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Cluster } from '../cluster/harness/cluster.ts';
import type { Manifest } from '../cluster/harness/kubectl.ts';

const LOOK_AGAIN_MS = 500;

/** What the stand-in does with a snapshot, by its class. */
export const CLASSES = {
  /** Takes it. */
  good: 'good',
  /** Says that the driver can't. */
  broken: 'broken',
  /** Nothing, as where the driver is away. */
  idle: 'idle',
} as const;

interface Metadata {
  name: string;
  namespace: string;
  uid: string;
}

interface Snapshot {
  metadata: Metadata;
  spec: { volumeSnapshotClassName?: string; source: { persistentVolumeClaimName: string } };
  status?: { readyToUse?: boolean; error?: object };
}

interface PersistentVolumeClaim {
  metadata: Metadata;
  spec: { accessModes: string[]; dataSource?: { kind: string; name: string } };
  status: { phase: string };
}

interface Volume {
  metadata: { name: string };
  status: { phase: string };
}

export interface SnapshotControllerOptions {
  /** After a folder was copied, and before anybody is told of it: what happens to it then isn't in the copy. */
  onCopied?: (sourceFolder: string) => Promise<void>;
}

const copyFolder = (from: string, to: string) => promisify(execFile)('cp', ['--archive', from, to]);

/**
 * Stands in for a snapshot controller and a CSI driver, which copy folders here: snapshots become ready, and claims
 * that are made of a snapshot or of a claim are bound to a volume with its content.
 */
export class SnapshotController implements AsyncDisposable {
  readonly #cluster: Cluster;
  readonly #options: SnapshotControllerOptions;
  readonly #leaving = new AbortController();
  readonly #running: Promise<void>;
  #failure: Error | undefined;

  constructor(cluster: Cluster, options: SnapshotControllerOptions = {}) {
    this.#cluster = cluster;
    this.#options = options;
    this.#running = this.#run();
  }

  /** Rejects where the last round failed: what it works on may be deleted in the middle of any other. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#leaving.abort();
    await this.#running;
    if (this.#failure) throw this.#failure;
  }

  async #run(): Promise<void> {
    const { signal } = this.#leaving;
    while (!signal.aborted) {
      this.#failure = await this.#goRound().then(
        () => undefined,
        (error: Error) => error,
      );
      await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #goRound(): Promise<void> {
    for (const snapshot of await this.#all<Snapshot>('volumesnapshots')) await this.#take(snapshot);
    for (const claim of await this.#all<PersistentVolumeClaim>('persistentvolumeclaims'))
      await this.#fill(claim);
    await this.#sweep();
  }

  async #all<T>(kind: string): Promise<T[]> {
    return (await this.#cluster.json<{ items: T[] }>('get', kind, '--all-namespaces')).items;
  }

  async #take({ metadata, spec, status }: Snapshot): Promise<void> {
    const { volumeSnapshotClassName: name, source } = spec;
    if (status?.readyToUse || status?.error || name === CLASSES.idle) return;
    if (name !== CLASSES.good)
      return this.#say(metadata, { readyToUse: false, error: { message: errorOf(name) } });
    const from = this.#folder(metadata.namespace, source.persistentVolumeClaimName);
    await this.#copy(from, this.#folder('snapshot', metadata.name));
    await this.#say(metadata, { readyToUse: true, restoreSize: '1Gi' });
  }

  async #say({ name, namespace }: Metadata, status: object): Promise<void> {
    const patch = ['--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`];
    await this.#cluster.kubectl('patch', 'volumesnapshot', name, `--namespace=${namespace}`, ...patch);
  }

  async #fill({ metadata, spec, status }: PersistentVolumeClaim): Promise<void> {
    const { dataSource } = spec;
    if (!dataSource || status.phase !== 'Pending') return;
    const { namespace, name, uid } = metadata;
    const path = this.#folder(namespace, name);
    const isOfClaim = dataSource.kind === 'PersistentVolumeClaim';
    const from = this.#folder(isOfClaim ? namespace : 'snapshot', dataSource.name);
    if ((await this.#volumes()).some((volume) => volume.metadata.name === volumeName(metadata))) return;
    if (isOfClaim) await this.#copy(from, path);
    else await copyFolder(from, path);
    const volume: Manifest = {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volumeName(metadata) },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: spec.accessModes,
        storageClassName: '',
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace, name, uid },
        hostPath: { path, type: 'Directory' },
      },
    };
    await this.#cluster.apply(volume);
  }

  async #copy(from: string, to: string): Promise<void> {
    await copyFolder(from, to);
    await this.#options.onCopied?.(from);
  }

  /** Volumes of copies whose claims are gone. */
  async #sweep(): Promise<void> {
    const released = (await this.#volumes()).filter(({ status }) => status.phase === 'Released');
    for (const { metadata } of released)
      await this.#cluster.kubectl('delete', 'pv', metadata.name, '--wait=false');
  }

  async #volumes(): Promise<Volume[]> {
    const { items } = await this.#cluster.json<{ items: Volume[] }>('get', 'persistentvolumes');
    return items.filter(({ metadata }) => metadata.name.startsWith(COPY));
  }

  #folder(namespace: string, name: string): string {
    return join(this.#cluster.folder, 'volumes', `${namespace}-${name}`);
  }
}

const COPY = 'copy-';
const volumeName = ({ uid }: Metadata) => `${COPY}${uid}`;

/** In the words of the snapshot controller. */
const errorOf = (name: string | undefined) =>
  name === undefined
    ? 'Failed to set default snapshot class with error cannot find default snapshot class'
    : 'Failed to check and update snapshot content: the driver has no room';
