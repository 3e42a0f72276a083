import {
  ApiException,
  AuthenticationV1Api,
  AuthorizationV1Api,
  BatchV1Api,
  CoreV1Api,
  CustomObjectsApi,
  type KubeConfig,
  Watch,
} from '@kubernetes/client-node';
import { clusterConfiguration, messageIn } from './cluster-http.ts';

/** The parts of the API server that are used. All but the watch reject with CLUSTER_AWAY where it fails for now. */
export interface ClusterApi {
  core: CoreV1Api;
  batch: BatchV1Api;
  custom: CustomObjectsApi;
  authentication: AuthenticationV1Api;
  authorization: AuthorizationV1Api;
  watch: Watch;
}

export function clusterApi(config: KubeConfig): ClusterApi {
  const configuration = clusterConfiguration(config);
  return {
    core: new CoreV1Api(configuration),
    batch: new BatchV1Api(configuration),
    custom: new CustomObjectsApi(configuration),
    authentication: new AuthenticationV1Api(configuration),
    authorization: new AuthorizationV1Api(configuration),
    watch: new Watch(config),
  };
}

/** HTTP's status of an answer that was a refusal; undefined for errors of other kinds. */
export const codeOf = (error: unknown): number | undefined =>
  error instanceof ApiException ? error.code : undefined;

export const isGone = (error: unknown) => codeOf(error) === 404;
export const isConflict = (error: unknown) => codeOf(error) === 409;

/** What the API server itself says. The library's own message repeats every header. */
export function saidBy(error: unknown): string {
  if (!(error instanceof ApiException)) return error instanceof Error ? error.message : String(error);
  return messageIn(error.body) || `the API server answers with ${error.code}`;
}

/** What isn't there is undefined. */
export async function ifThere<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
/** Whether a namespace is being deleted. */
export async function isNamespaceEnding(name: string, { core }: Pick<ClusterApi, 'core'>): Promise<boolean> {
  const namespace = await ifThere(core.readNamespace({ name }));
  return namespace?.metadata?.deletionTimestamp !== undefined;
}
