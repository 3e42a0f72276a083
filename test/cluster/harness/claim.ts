import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Kubectl, Manifest } from './kubectl.ts';

export interface ClaimOptions {
  name: string;
  /** Must be there; `default` where none is said. */
  namespace?: string;
  /**
   * ReadWriteMany, as by NFS, where none is said. Kubernetes itself lets pods on any node mount the others too: that
   * ReadWriteOnce means one node is up to who schedules them, here as with volumes that aren't attached.
   */
  mode?: 'ReadWriteMany' | 'ReadOnlyMany' | 'ReadWriteOnce' | 'ReadWriteOncePod';
  /** Pods that mount it are scheduled there alone, as with a local disk. */
  node?: string;
}

/** A PersistentVolumeClaim that is bound, and the folder on this machine that is its content. */
export interface Claim {
  name: string;
  namespace: string;
  /** The PersistentVolume's name. */
  volume: string;
  folder: string;
}

/** Makes a volume of a folder that all nodes see, below `parent`, and a claim bound to it. */
export async function makeClaim(
  options: ClaimOptions,
  { kubectl, parent }: { kubectl: Kubectl; parent: string },
) {
  const { name, namespace = 'default' } = options;
  const volume = `${namespace}-${name}`;
  const claim: Claim = { name, namespace, volume, folder: join(parent, volume) };
  await mkdir(claim.folder, { recursive: true });
  await kubectl.apply(volumeOf(claim, options), claimOf(claim, options));
  const bound = ['--for=jsonpath={.status.phase}=Bound', '--timeout=30s'];
  await kubectl.run('wait', '--namespace', namespace, `persistentvolumeclaim/${name}`, ...bound);
  return claim;
}

/** What the API demands; a folder has no size of its own. */
const SIZE = '1Gi';

const accessModes = ({ mode = 'ReadWriteMany' }: ClaimOptions) => [mode];

function volumeOf(claim: Claim, options: ClaimOptions): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: claim.volume },
    spec: {
      capacity: { storage: SIZE },
      accessModes: accessModes(options),
      storageClassName: '',
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace: claim.namespace, name: claim.name },
      ...(options.node === undefined
        ? { hostPath: { path: claim.folder, type: 'Directory' } }
        : { local: { path: claim.folder }, nodeAffinity: onNode(options.node) }),
    },
  };
}

const onNode = (node: string) => ({
  required: {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
    ],
  },
});

function claimOf(claim: Claim, options: ClaimOptions): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claim.name, namespace: claim.namespace },
    spec: {
      accessModes: accessModes(options),
      storageClassName: '',
      volumeName: claim.volume,
      resources: { requests: { storage: SIZE } },
    },
  };
}
