import { debianPackages } from './debian.mjs';
import { goModule, goTool } from './go-tools.mjs';
import { baseImage, imageNpm } from './images.mjs';
import { bridgeFilter, kubernetes, machineInit, snapshotCrds } from './kubernetes.mjs';
import { exactNode, npmPackages } from './npm.mjs';
import { CLUSTERS, EXPORTS, PURPOSES } from './purposes.mjs';
import { apiFuzzer, archiveReaders, s3Client } from './python.mjs';

/**
 * Everything that a fresh machine lacks, in the order in which it is brought.
 * @type {readonly import('./run-steps.mjs').Step[]}
 */
export const steps = [
  // First: npm packages' install scripts already run on Node 26, which needs a library of Debian's.
  ...PURPOSES.map((purpose) => ({ purposes: [purpose], ...debianPackages(purpose) })),
  { purposes: PURPOSES, ...npmPackages },
  { purposes: PURPOSES, ...exactNode },
  // An S3 server that checks signatures, part sizes and conditions as strictly as AWS does.
  {
    purposes: EXPORTS,
    ...goTool({
      name: 'versitygw',
      version: 'v1.8.0',
      path: 'github.com/versity/versitygw/cmd/versitygw',
      needsGo: '1.25',
    }),
  },
  { purposes: ['test'], ...archiveReaders },
  { purposes: ['test'], ...apiFuzzer },
  { purposes: ['test', 'bench'], ...s3Client },
  // The number grows when its source changes.
  {
    purposes: ['test', 'bench'],
    ...goModule({
      name: 'slow-mount',
      version: '2',
      needsGo: '1.23',
      takes: 'seconds',
      module: 'bench/slow-volume/mount',
      packages: ['.'],
      programs: ['slow-mount'],
    }),
  },
  // Debian's docker-compose is the first one, which its makers have given up.
  {
    purposes: ['test'],
    ...goTool({
      name: 'docker-compose',
      version: 'v2.40.3',
      path: './cmd',
      within: 'github.com/docker/compose/v2',
      variable: 'github.com/docker/compose/v2/internal.Version',
      needsGo: '1.24',
    }),
  },
  { purposes: ['test'], ...baseImage },
  { purposes: ['test'], ...imageNpm },
  // What a cluster is made of, besides Debian's etcd and containerd: Kubernetes itself, its DNS server, what
  // enforces NetworkPolicies, and the first process of its machines and pods.
  { purposes: CLUSTERS, ...kubernetes },
  {
    purposes: CLUSTERS,
    ...goTool({
      name: 'coredns',
      version: 'v1.15.0',
      path: 'github.com/coredns/coredns',
      needsGo: '1.26',
    }),
  },
  {
    purposes: CLUSTERS,
    ...goTool({
      name: 'kube-router',
      version: 'v2.1.0',
      path: 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router',
      variable: 'github.com/cloudnativelabs/kube-router/v2/pkg/version.Version',
      needsGo: '1.21',
    }),
  },
  { purposes: CLUSTERS, ...machineInit },
  { purposes: CLUSTERS, ...bridgeFilter },
  { purposes: ['test'], ...snapshotCrds },
];
