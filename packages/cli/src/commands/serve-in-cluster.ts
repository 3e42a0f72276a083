import { listen } from '@longshore/producer/api';
import {
  addressFor,
  ClaimArchives,
  ClusterProducer,
  ClusterTokens,
  clusterApi,
  imageOf,
  installationKeys,
  KubeConfig,
  VolumeServers,
} from '@longshore/producer/kubernetes';
import type { RedisAddress } from '@longshore/shared';
import type { Logger } from 'pino';
import type { ServiceConfig } from '../config/service.ts';
import type { Config } from '../config.ts';
import { CliError } from '../error.ts';
import { VERSION } from '../version.ts';

export interface InCluster {
  logger: Logger;
  pod: Config['pod'];
}

/** The service of a cluster, from the API server to its port; disposing of it ends them the other way round. */
export async function startInCluster(
  service: ServiceConfig,
  { logger, pod }: InCluster,
): Promise<AsyncDisposable & { url: string }> {
  await using stack = new AsyncDisposableStack();
  const { kubernetes } = service;
  if (!kubernetes || !pod) throw notInCluster();
  const config = new KubeConfig();
  config.loadFromDefault();
  const api = clusterApi(config);
  const { redisPassword, workerKey } = await installationKeys(
    { namespace: pod.namespace, name: kubernetes.secret },
    api,
  );
  const image = await imageOf(pod, api);
  const producer = stack.use(
    await ClusterProducer.start({
      config,
      logger,
      redis: withPassword(redisOf(service), redisPassword),
      key: workerKey,
      image,
      networks: { cluster: kubernetes.clusterNetworks, allowed: kubernetes.allowedNetworks },
      namespace: kubernetes.namespace,
      version: VERSION,
      retainFailedMs: service.retainFailedMs,
      releaseMs: kubernetes.releaseAfter,
    }),
  );
  const { listen: address, publicUrl, auth, trustedProxies, limits, spool: cacheFolder } = service;
  const serving = { publicUrl, metricsAccess: auth.metrics, trustedProxies, limits, cacheFolder };
  const tokens = new ClusterTokens(api);
  const servers = new VolumeServers({ api, image, key: workerKey, idleMs: service.live.idle });
  const live = new ClaimArchives({ servers, logger, namespace: kubernetes.namespace });
  const listening = stack.use(await listen(address, { producer, live, logger, tokens, ...serving }));
  const parts = stack.move();
  return { url: listening.url, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** The Redis of the manifests has the password that the producer made; another one has its own. */
function withPassword(redis: RedisAddress, password: string): RedisAddress {
  const own = typeof redis === 'string' ? URL.parse(redis)?.password : redis.password;
  return own ? redis : addressFor(redis, { username: 'default', password });
}

function redisOf({ redis }: ServiceConfig): RedisAddress {
  if (redis !== undefined) return redis;
  throw new CliError('USAGE', 'There is no Redis for the queues: give redis in the configuration file.');
}

function notInCluster(): CliError {
  const message =
    'With kubernetes in the configuration, LONGSHORE_POD and LONGSHORE_POD_NAMESPACE must name this pod: use the manifests in k8s/.';
  return new CliError('NOT_IN_CLUSTER', message);
}
