import type { V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node';
import type { ClusterApi } from './cluster-api.ts';

/** Whether nodes may share a claim, or have it one at a time, or pods do. */
export function sharingOf({ spec }: V1PersistentVolumeClaim): 'nodes' | 'one node' | 'one pod' {
  const modes = spec?.accessModes ?? [];
  if (modes.includes('ReadWriteOncePod')) return 'one pod';
  return modes.includes('ReadWriteMany') || modes.includes('ReadOnlyMany') ? 'nodes' : 'one node';
}

/** The node on which pods mount a claim now: a volume that one node can have is there. */
export async function nodeOf(
  claim: { namespace: string; name: string },
  { core }: Pick<ClusterApi, 'core'>,
): Promise<string | undefined> {
  const { items } = await core.listNamespacedPod({ namespace: claim.namespace });
  return items.filter((pod) => mounts(pod, claim.name)).flatMap(({ spec }) => spec?.nodeName ?? [])[0];
}

function mounts({ spec, status }: V1Pod, claim: string): boolean {
  const isThere = status?.phase === 'Running' || status?.phase === 'Pending';
  return (
    isThere &&
    (spec?.volumes ?? []).some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === claim)
  );
}
