import { ProducerError } from '../error.ts';
import type { ClusterApi } from './cluster-api.ts';
import type { WorkerImage } from './worker-job.ts';

/**
 * The image that this producer runs: workers run the same, whatever an overlay makes of its name, because a worker of
 * another version refuses the producer's orders.
 */
export async function imageOf(
  pod: { namespace: string; name: string },
  { core }: Pick<ClusterApi, 'core'>,
): Promise<WorkerImage> {
  const { spec } = await core.readNamespacedPod(pod);
  const container = spec?.containers.find(({ name }) => name === 'producer');
  if (container?.image) return { image: container.image, imagePullPolicy: container.imagePullPolicy };
  throw new ProducerError(
    'CLUSTER_REFUSED',
    `The pod ${pod.namespace}/${pod.name} has no container called producer.`,
  );
}
