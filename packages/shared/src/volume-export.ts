import { z } from 'zod';
import { ObjectName, WorkerCount } from './api.ts';
import { CLASS_WITHOUT_SNAPSHOT, CONSISTENCIES } from './consistency.ts';
import { FORMATS, LEVELS, ON_CHANGE } from './order.ts';
import { PHASES } from './phase.ts';

/**
 * What a `VolumeExport` says, and what is said of it. Kubernetes' own schema is generated from this one: what can't be
 * expressed there is in `RULES`, in the Common Expression Language.
 */

const count = z.number().int().min(0);

const intOrString = z.union([z.number().int(), z.string()]).meta({ 'x-kubernetes-int-or-string': true });
const Quantities = z.record(z.string(), intOrString);

/** As in a pod. Kubernetes checks what is in it when the pod is made. */
const Toleration = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.number().int().optional(),
});

const id = z.number().int().min(0).max(4_294_967_294);

const PodOptions = z.strictObject({
  /** uid 0 with DAC_READ_SEARCH alone: reads everything, and needs a namespace at the privileged level. */
  readAll: z
    .boolean()
    .default(false)
    .describe('Read files whatever their mode; needs a namespace at the privileged Pod Security level'),
  resources: z
    .strictObject({ requests: Quantities.optional(), limits: Quantities.optional() })
    .default({})
    .describe('Of one worker; limits.cpu is how many threads it has'),
  nodeSelector: z.record(z.string(), z.string()).default({}),
  tolerations: z.array(Toleration).max(64).default([]),
  priorityClassName: z.string().max(253).default(''),
  imagePullSecrets: z
    .array(z.strictObject({ name: ObjectName }))
    .max(16)
    .default([])
    .describe("Secrets of the namespace by which its nodes get the workers' image"),
  securityContext: z
    .strictObject({
      runAsUser: id.optional(),
      runAsGroup: id.optional(),
      supplementalGroups: z.array(id).max(64).optional(),
    })
    .default({})
    .describe('Who reads the files; for NFS with root_squash the user that may'),
});

export const VolumeExportSpec = z.strictObject({
  source: z.strictObject({
    claim: ObjectName.describe('A PersistentVolumeClaim of the same namespace'),
    path: z
      .string()
      .max(1_024)
      .regex(/^\//)
      .default('/')
      .describe('The folder of the volume that is exported'),
    consistency: z
      .enum(CONSISTENCIES)
      .default('Live')
      .describe(
        'Live: files are read while others may write them. Snapshot, Clone: a copy is read that the CSI driver makes, and that is removed afterwards',
      ),
    snapshotClass: ObjectName.optional().describe(
      "The VolumeSnapshotClass, with consistency Snapshot; the driver's default where none is named",
    ),
  }),
  destination: z.strictObject({
    secret: ObjectName.describe(
      'A Secret of the same namespace: bucket, accessKeyId, secretAccessKey; endpoint, region, sessionToken',
    ),
    prefix: z.string().max(512).default('').describe('What keys in the bucket begin with'),
  }),
  format: z.enum(FORMATS).default('tar.zst'),
  level: z.number().int().min(0).max(19).optional(),
  exclude: z.array(z.string().min(1).max(1_024)).max(256).default([]),
  onChange: z.enum(ON_CHANGE).default('record'),
  workers: WorkerCount.default(1).describe('Pods that work on the volume at once'),
  suspend: z.boolean().default(false),
  ttlSecondsAfterFinished: count
    .max(2_147_483_647)
    .optional()
    .describe('When the resource is deleted after its end; the archive stays'),
  pod: PodOptions.default({
    readAll: false,
    resources: {},
    nodeSelector: {},
    tolerations: [],
    priorityClassName: '',
    imagePullSecrets: [],
    securityContext: {},
  }),
});
export type VolumeExportSpec = z.infer<typeof VolumeExportSpec>;

const Condition = z.object({
  type: z.string().max(316),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(1_024),
  message: z.string().max(32_768),
  lastTransitionTime: z.iso.datetime(),
  observedGeneration: count.optional(),
});
export type Condition = z.infer<typeof Condition>;

export const VolumeExportStatus = z.object({
  observedGeneration: count.optional(),
  phase: z.enum(PHASES).optional(),
  conditions: z.array(Condition).optional(),
  /** Of the scale subresource. */
  workers: count.optional(),
  selector: z.string().optional(),
  progress: z
    .object({
      done: z.string().optional(),
      size: z.string().optional(),
      tapeBytes: count.optional(),
      doneTapeBytes: count.optional(),
      archiveBytes: count.optional(),
      items: count.optional(),
      doneItems: count.optional(),
      files: count.optional(),
      packs: count.optional(),
    })
    .optional(),
  /** Keys in the bucket. */
  archive: z.object({ key: z.string(), bytes: count, manifest: z.string() }).optional(),
  startTime: z.iso.datetime().optional(),
  completionTime: z.iso.datetime().optional(),
  /** What the reconciler goes by; for nobody else. */
  record: z.looseObject({}).optional(),
});
export type VolumeExportStatus = z.infer<typeof VolumeExportStatus>;

export interface AdmissionRule {
  rule: string;
  message: string;
}

/** May change while an export runs; everything else is what the archive is made of. */
export const MUTABLE = [
  'workers',
  'suspend',
  'ttlSecondsAfterFinished',
] as const satisfies readonly (keyof VolumeExportSpec)[];

/** A rule that names a field which isn't there rejects every write, of status and finalizers too: hence `has`. */
const guarded = (fields: readonly string[], rule: string) =>
  `${fields.map((field) => `!has(self.${field})`).join(' || ')} || ${rule}`;

const unchanged = (field: string): AdmissionRule => ({
  rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  message: `${field} can't be changed: the archive is made of it. Make another VolumeExport.`,
});

const levels = FORMATS.map((format): AdmissionRule => {
  const { min, max } = LEVELS[format];
  return {
    rule: guarded(
      ['level', 'format'],
      `self.format != '${format}' || (self.level >= ${min} && self.level <= ${max})`,
    ),
    message: `level: ${format} takes ${min === max ? min : `${min} to ${max}`}.`,
  };
});

const constant = Object.keys(VolumeExportSpec.shape).filter(
  (field) => !(MUTABLE as readonly string[]).includes(field),
);

/** Of the spec. */
export const SPEC_RULES: readonly AdmissionRule[] = [
  ...constant.map(unchanged),
  ...levels,
  {
    rule: guarded(['source.path'], "!self.source.path.split('/').exists(step, step == '..' || step == '.')"),
    message: 'source.path must be a path from the root of the volume, without . and ..',
  },
  {
    rule: guarded(['source.snapshotClass'], "self.source.consistency == 'Snapshot'"),
    message: `source.snapshotClass ${CLASS_WITHOUT_SNAPSHOT}`,
  },
  {
    rule: guarded(['destination.prefix'], "!self.destination.prefix.startsWith('/')"),
    message: 'destination.prefix must not begin with a slash',
  },
  {
    rule: guarded(
      ['pod', 'pod.readAll', 'pod.securityContext', 'pod.securityContext.runAsUser'],
      '!self.pod.readAll || self.pod.securityContext.runAsUser == 0',
    ),
    message: 'pod.readAll needs uid 0: leave pod.securityContext.runAsUser out',
  },
];

/** Of the whole resource. */
export const RESOURCE_RULES: readonly AdmissionRule[] = [
  {
    rule: 'size(self.metadata.name) <= 63',
    message: "metadata.name: 63 characters at most, since pods' labels carry it",
  },
];
