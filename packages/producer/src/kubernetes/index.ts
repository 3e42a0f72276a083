export { KubeConfig } from '@kubernetes/client-node';
export { ClaimArchives } from './claim-archives.ts';
export { clusterApi } from './cluster-api.ts';
export * from './cluster-producer.ts';
export * from './cluster-tokens.ts';
export * from './installation-keys.ts';
export * from './own-pod.ts';
export { addressFor } from './redis-users.ts';
export { VolumeServers } from './volume-servers.ts';
