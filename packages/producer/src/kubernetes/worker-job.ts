import type { V1Affinity, V1Container, V1Job, V1PodSpec, V1SecurityContext } from '@kubernetes/client-node';
import type { ExportRecord } from '../records/record.ts';
import { uriOf } from './bucket-secret.ts';
import { queueOf } from './redis-users.ts';
import { placesOf } from './resource-record.ts';
import { API_VERSION, KIND, labelsOf, type Metadata, type VolumeExport } from './volume-export.ts';

/** A Job as the API server gives it; of its times none is used. */
export interface WorkerJob extends Omit<V1Job, 'metadata'> {
  metadata: Metadata;
}

export interface WorkerImage {
  image: string;
  imagePullPolicy?: string;
}

export interface WorkerJobOptions {
  image: WorkerImage;
  /** The claim that pods mount: the export's own, or its copy. */
  claim: string;
  where: Whereabouts;
}

/**
 * Where pods may be: anywhere, on the node that has the volume, or together on one that nobody knows yet. A volume that
 * one node alone can have would be waited for in vain on any other.
 */
export type Whereabouts = 'anywhere' | 'together' | { node: string };

const CONTAINER = 'worker';
const VOLUME_PATH = '/volume';

/** The worker's own code for a configuration that no other try would mend. */
const BAD_CONFIGURATION = 42;

/** Pods come and go: that many of one index may, in an export of days. */
const BACKOFF_LIMIT = 1_000;

/** An item takes seconds, and at a slow store perhaps a minute; the worker's own grace is a little shorter. */
const GRACE_SECONDS = 60;
const WORKER_GRACE_SECONDS = 45;

/** For runts, spooled parts and the index of millions of files. */
const SPOOL_SIZE = '8Gi';

/** Unique in the namespace, and a pod's host name with an index behind it, which takes no dots: `photos-1f0c92ab`. */
export const workersName = ({ metadata: { name = '', uid = '' } }: VolumeExport) =>
  `${name.slice(0, 40).replaceAll('.', '-')}-${uid.replaceAll('-', '').slice(0, 8)}`;

/**
 * The workers of an export: an Indexed Job of as many pods as the export wants, all of them alike. An index says
 * nothing; it's there because the number of pods may then change while they run, and failures count for each.
 */
export function workerJob(
  resource: VolumeExport,
  record: ExportRecord,
  options: WorkerJobOptions,
): WorkerJob {
  const { namespace } = resource.metadata;
  const name = workersName(resource);
  const labels = labelsOf(record.id, resource.metadata.name ?? '');
  const { workers } = resource.spec;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels, ownerReferences: [ownerOf(resource)] },
    spec: {
      completionMode: 'Indexed',
      completions: workers,
      parallelism: workers,
      suspend: false,
      backoffLimitPerIndex: BACKOFF_LIMIT,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: {
        rules: [
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          {
            action: 'FailJob',
            onExitCodes: { containerName: CONTAINER, operator: 'In', values: [BAD_CONFIGURATION] },
          },
        ],
      },
      template: { metadata: { labels }, spec: podSpec(resource, record, options) },
    },
  };
}

export function ownerOf({ metadata: { name = '', uid = '' } }: VolumeExport) {
  return { apiVersion: API_VERSION, kind: KIND, name, uid, controller: true };
}

/** Of the run that the Job's pods work for; another run has another Job. */
export function runOf({ spec }: WorkerJob): string | undefined {
  const [{ args = [] } = {}] = spec?.template.spec?.containers ?? [];
  return args[args.indexOf('--export') + 1];
}

function podSpec(
  resource: VolumeExport,
  record: ExportRecord,
  { image, claim, where }: WorkerJobOptions,
): V1PodSpec {
  const { pod } = resource.spec;
  const { runAsUser, runAsGroup, supplementalGroups } = pod.securityContext;
  const matchLabels = labelsOf(record.id, resource.metadata.name ?? '');
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: GRACE_SECONDS,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    nodeSelector: pod.nodeSelector,
    tolerations: pod.tolerations,
    imagePullSecrets: pod.imagePullSecrets,
    ...(pod.priorityClassName && { priorityClassName: pod.priorityClassName }),
    ...affinityOf(where, matchLabels),
    // Never fsGroup: it would give the volume's files another owner.
    securityContext: {
      ...(pod.readAll
        ? { runAsUser: 0 }
        : { runAsNonRoot: true, ...(runAsUser !== undefined && { runAsUser }) }),
      ...(runAsGroup !== undefined && { runAsGroup }),
      ...(supplementalGroups && { supplementalGroups }),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'kubernetes.io/hostname',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels },
      },
    ],
    containers: [container(resource, record, image)],
    volumes: [
      { name: 'volume', persistentVolumeClaim: { claimName: claim, readOnly: true } },
      { name: 'spool', emptyDir: { sizeLimit: SPOOL_SIZE } },
    ],
  };
}

function affinityOf(where: Whereabouts, matchLabels: Record<string, string>): { affinity?: V1Affinity } {
  if (where === 'anywhere') return {};
  return { affinity: where === 'together' ? together(matchLabels) : onNode(where.node) };
}

/** The first of them is where it likes: a pod that matches its own term needs no other. */
const together = (matchLabels: Record<string, string>): V1Affinity => ({
  podAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: [
      { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels } },
    ],
  },
});

/** Where one node alone has the volume. */
export const onNode = (node: string): V1Affinity => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
    },
  },
});

function container(resource: VolumeExport, record: ExportRecord, image: WorkerImage): V1Container {
  const { pod, source } = resource.spec;
  const subPath = source.path.replace(/^\/+|\/+$/g, '');
  const args = ['--queue', queueOf(record.id), '--export', record.run?.id ?? '', '--spool', '/tmp/spool'];
  const limits = [
    '--threads',
    String(threadsOf(pod.resources.limits?.cpu)),
    '--grace',
    String(WORKER_GRACE_SECONDS),
  ];
  return {
    name: CONTAINER,
    ...image,
    args: ['work', ...args, ...limits],
    env: environment(resource, record),
    resources: resourcesOf(pod.resources),
    securityContext: confinement(pod.readAll ? 'reads-all' : 'restricted'),
    volumeMounts: [
      { name: 'volume', mountPath: VOLUME_PATH, readOnly: true, ...(subPath && { subPath }) },
      { name: 'spool', mountPath: '/tmp' },
    ],
  };
}

/** Root with DAC_READ_SEARCH alone reads files of every mode; without root the capability has no effect. */
export function confinement(level: 'restricted' | 'reads-all'): V1SecurityContext {
  const add = level === 'reads-all' ? { add: ['DAC_READ_SEARCH'] } : {};
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'], ...add },
  };
}

/** One for each core that the pod may use; one where nothing is said: there can be more pods. */
function threadsOf(cpu: string | number | undefined): number {
  const text = String(cpu ?? 1);
  const cores = text.endsWith('m') ? Number(text.slice(0, -1)) / 1_000 : Number(text);
  return Math.max(1, Math.ceil(cores) || 1);
}

type Quantities = Record<string, string | number>;

const textsOf = (quantities: Quantities = {}) =>
  Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, String(value)]));

const resourcesOf = ({ requests, limits }: { requests?: Quantities; limits?: Quantities }) => ({
  requests: textsOf(requests),
  limits: textsOf(limits),
});

/** What a worker needs of the tenant's Secret, and the variable that it looks for it in. */
const FROM_SECRET = [
  { name: 'LONGSHORE_BUCKET', key: 'bucket' },
  { name: 'AWS_ACCESS_KEY_ID', key: 'accessKeyId' },
  { name: 'AWS_SECRET_ACCESS_KEY', key: 'secretAccessKey' },
  { name: 'AWS_SESSION_TOKEN', key: 'sessionToken', optional: true },
  { name: 'AWS_ENDPOINT_URL_S3', key: 'endpoint', optional: true },
  { name: 'AWS_REGION', key: 'region', optional: true },
];

/** As workers of `longshore export` have it: of what Node takes from its environment, and not only as an argument. */
const HEAP = '--max-semi-space-size=2';

function environment(resource: VolumeExport, { request }: ExportRecord): V1Container['env'] {
  const { secret, prefix } = placesOf(request);
  const fromSecret = (from: string, { name, key, optional }: (typeof FROM_SECRET)[number]) => ({
    name,
    valueFrom: { secretKeyRef: { name: from, key, ...(optional && { optional }) } },
  });
  return [
    ...FROM_SECRET.map((each) => fromSecret(secret, each)),
    fromSecret(workersName(resource), { name: 'LONGSHORE_REDIS_URL', key: 'redis-url' }),
    { name: 'NODE_OPTIONS', value: HEAP },
    { name: 'LONGSHORE_VOLUMES', value: JSON.stringify({ [literally(request.volume)]: VOLUME_PATH }) },
    {
      name: 'LONGSHORE_DESTINATIONS',
      value: JSON.stringify({
        [literally(request.destination)]: uriOf('$(LONGSHORE_BUCKET)', literally(prefix)),
      }),
    },
  ];
}

/** `$(NAME)` in a container's environment stands for another variable. */
const literally = (text: string) => text.replaceAll('$(', '$$$$(');
