import { RESOURCE_RULES, SPEC_RULES, VolumeExportSpec, VolumeExportStatus } from '@longshore/shared';
import { z } from 'zod';
import { KIND, RESOURCE } from './volume-export.ts';

type Schema = Record<string, unknown>;

const COLUMNS = [
  { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
  { name: 'Progress', type: 'string', jsonPath: '.status.progress.done' },
  { name: 'Files', type: 'integer', jsonPath: '.status.progress.files' },
  { name: 'Size', type: 'string', jsonPath: '.status.progress.size' },
  { name: 'Workers', type: 'integer', jsonPath: '.spec.workers' },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** The CustomResourceDefinition, from the same schema as the API's. */
export function customResourceDefinition() {
  const { group, version, plural } = RESOURCE;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind: KIND, listKind: `${KIND}List`, plural, singular: 'volumeexport', shortNames: ['vex'] },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: {
            status: {},
            scale: {
              specReplicasPath: '.spec.workers',
              statusReplicasPath: '.status.workers',
              labelSelectorPath: '.status.selector',
            },
          },
          additionalPrinterColumns: COLUMNS,
          schema: { openAPIV3Schema: resourceSchema() },
        },
      ],
    },
  };
}

function resourceSchema(): Schema {
  const spec = structural(z.toJSONSchema(VolumeExportSpec, { io: 'input' }));
  const status = structural(z.toJSONSchema(VolumeExportStatus, { io: 'input' }));
  return {
    type: 'object',
    description: 'The export of a volume to object storage, as one archive',
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: { ...spec, 'x-kubernetes-validations': SPEC_RULES },
      status,
    },
    'x-kubernetes-validations': RESOURCE_RULES,
  };
}

/** What JSON Schema has, and a structural schema must not (Kubernetes, "Specifying a structural schema"). */
const LEFT_OUT = new Set(['$schema', 'propertyNames']);

function structural(value: unknown): Schema {
  const schema = value as Schema;
  const kept = Object.entries(schema).filter(([key]) => !LEFT_OUT.has(key));
  const entries = kept.flatMap(([key, inner]): [string, unknown][] => {
    if (key === 'properties') return [[key, mapValues(inner as Schema, structural)]];
    if (key === 'items') return [[key, structural(inner)]];
    if (key === 'additionalProperties') return additional(inner);
    if (key === 'maximum' && inner === Number.MAX_SAFE_INTEGER) return [];
    if (key === 'minimum' && inner === Number.MIN_SAFE_INTEGER) return [];
    // Zod's own pattern of a date repeats what the format says.
    if (key === 'pattern' && schema.format === 'date-time') return [];
    return [[key, inner]];
  });
  const made: Schema = Object.fromEntries(entries);
  if (made.type === 'integer') made.format = 'int64';
  if (made['x-kubernetes-int-or-string']) made.anyOf = [{ type: 'integer' }, { type: 'string' }];
  return made;
}

/** `false` is what a structural schema does anyway: it drops what it doesn't know. `{}` keeps everything. */
function additional(inner: unknown): [string, unknown][] {
  if (inner === false) return [];
  if (Object.keys(inner as Schema).length === 0) return [['x-kubernetes-preserve-unknown-fields', true]];
  return [['additionalProperties', structural(inner)]];
}

const mapValues = (object: Schema, map: (value: unknown) => unknown): Schema =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]));
