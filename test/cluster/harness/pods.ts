import { BUSYBOX } from './base-images.ts';
import type { Manifest } from './kubectl.ts';

/** What the restricted Pod Security level asks of a container. */
export const RESTRICTED = {
  runAsNonRoot: true,
  runAsUser: 1000,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

/** A pod's spec: one container with a shell that does this. One that is told to stop has a second: with none, it would be deleted without its node being asked. */
export function shell(script: string, container: Manifest = {}) {
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'shell',
        image: BUSYBOX,
        imagePullPolicy: 'Never',
        command: ['sh', '-ec', script],
        ...container,
      },
    ],
  };
}

/** A pod on a node, or on any where none is named. */
export function pod(name: string, spec: Manifest, node?: string): Manifest {
  const where = node === undefined ? {} : { nodeSelector: { 'kubernetes.io/hostname': node } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: name } },
    spec: { ...spec, ...where },
  };
}
