import { createHash } from 'node:crypto';
import type { V1Job, V1PodSpec, V1Secret, V1Service } from '@kubernetes/client-node';
import { confinement, onNode, type WorkerImage } from './worker-job.ts';

export interface ServedClaim {
  namespace: string;
  claim: string;
}

export interface VolumeServerJobOptions {
  image: WorkerImage;
  /** The node that has the volume, where only one can. */
  node: string | undefined;
  /** How long nobody may ask before the server ends. */
  idleSeconds: number;
}

export const VOLUME_SERVER_PORT = 8_080;
const VOLUME_PATH = '/volume';

/** Long enough for whoever looks, short enough not to be in the way of the next one. */
const GONE_AFTER_SECONDS = 30;

/** Pods come and go. */
const BACKOFF_LIMIT = 10;

/** Downloads under way are cut off when it ends: they're resumed. */
const GRACE_SECONDS = 15;

/** For plans: 1 GiB of segments, and those that are being made. */
const PLANS_SIZE = '3Gi';

/** Eight downloads take some 80 MB each. */
const RESOURCES = {
  requests: { cpu: '100m', memory: '192Mi', 'ephemeral-storage': '64Mi' },
  limits: { cpu: '4', memory: '1536Mi', 'ephemeral-storage': '4Gi' },
};

/** Of all three objects: a label of DNS, whatever is in the claim's name. */
export function volumeServerName({ namespace, claim }: ServedClaim): string {
  const digest = createHash('sha256').update(`${namespace}/${claim}`).digest('hex').slice(0, 8);
  return `live-${claim.slice(0, 40).replaceAll(/[^a-z0-9-]/g, '-')}-${digest}`;
}

const labelsOf = (served: ServedClaim) => ({
  'app.kubernetes.io/name': 'longshore',
  'app.kubernetes.io/component': 'volume-server',
  'app.kubernetes.io/managed-by': 'longshore',
  'app.kubernetes.io/instance': volumeServerName(served),
});

/** A claim's own server: a pod that ends when nobody asks. Then the Job is removed, and what it owns. */
export function volumeServerJob(served: ServedClaim, options: VolumeServerJobOptions): V1Job {
  const labels = labelsOf(served);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: volumeServerName(served), namespace: served.namespace, labels },
    spec: {
      backoffLimit: BACKOFF_LIMIT,
      ttlSecondsAfterFinished: GONE_AFTER_SECONDS,
      template: { metadata: { labels }, spec: podSpec(served, options) },
    },
  };
}

function podSpec(served: ServedClaim, { image, node, idleSeconds }: VolumeServerJobOptions): V1PodSpec {
  const { claim } = served;
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: GRACE_SECONDS,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    ...(node !== undefined && { affinity: onNode(node) }),
    // Never fsGroup: it would give the volume's files another owner.
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'volume-server',
        ...image,
        args: ['serve-volume', '--listen', `0.0.0.0:${VOLUME_SERVER_PORT}`, '--idle', String(idleSeconds)],
        env: [
          { name: 'LONGSHORE_VOLUMES', value: JSON.stringify({ [claim]: VOLUME_PATH }) },
          {
            name: 'LONGSHORE_TOKEN',
            valueFrom: { secretKeyRef: { name: volumeServerName(served), key: 'token' } },
          },
        ],
        ports: [{ name: 'http', containerPort: VOLUME_SERVER_PORT }],
        readinessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1 },
        resources: RESOURCES,
        securityContext: confinement('restricted'),
        volumeMounts: [
          { name: 'volume', mountPath: VOLUME_PATH, readOnly: true },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'volume', persistentVolumeClaim: { claimName: claim, readOnly: true } },
      { name: 'tmp', emptyDir: { sizeLimit: PLANS_SIZE } },
    ],
  };
}

/** What goes with the Job. */
const metadataOf = (served: ServedClaim, jobUid: string) => ({
  name: volumeServerName(served),
  namespace: served.namespace,
  labels: labelsOf(served),
  ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: volumeServerName(served), uid: jobUid }],
});

export function volumeServerService(served: ServedClaim, jobUid: string): V1Service {
  return {
    metadata: metadataOf(served, jobUid),
    spec: {
      selector: labelsOf(served),
      ports: [{ name: 'http', port: VOLUME_SERVER_PORT, targetPort: 'http' }],
    },
  };
}

export function volumeServerSecret(
  served: ServedClaim,
  { jobUid, token }: { jobUid: string; token: string },
): V1Secret {
  return { metadata: metadataOf(served, jobUid), type: 'Opaque', stringData: { token } };
}
