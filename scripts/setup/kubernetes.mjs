import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runAsRoot } from './debian.mjs';
import { SetupError } from './error.mjs';
import { goModule, goModuleFiles } from './go-tools.mjs';
import { root } from './places.mjs';

const MODULE = 'test/cluster/kubernetes';

const PROGRAMS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-proxy',
  'kube-scheduler',
  'kubectl',
  'kubelet',
];

const version = requiredVersion();
const [major, minor] = version.replace(/^v/, '').split('.');

/** Kubernetes of the version that its go.mod requires; harness code finds it in the cache by the same version. */
export const kubernetes = goModule({
  name: 'kubernetes',
  version,
  needsGo: '1.26',
  takes: 'four minutes on two cores; half a gigabyte',
  module: MODULE,
  packages: PROGRAMS.map((program) => `k8s.io/kubernetes/cmd/${program}`),
  programs: PROGRAMS,
  // What Kubernetes' own build sets (hack/lib/version.sh): kubelets report it, and kubectl compares it.
  set: {
    'k8s.io/component-base/version.gitVersion': version,
    'k8s.io/component-base/version.gitMajor': major,
    'k8s.io/component-base/version.gitMinor': minor,
  },
});

/** The first process of each machine and of each pod; the number grows when its source changes. */
export const machineInit = goModule({
  name: 'machine-init',
  version: '1',
  needsGo: '1.21',
  takes: 'seconds',
  module: 'test/cluster/machine-init',
  packages: ['.'],
  programs: ['machine-init'],
});

const BRIDGE_RULES = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** What shows iptables the packets between a node's pods; kernels that have it as a module don't load it by themselves. */
export const bridgeFilter = {
  pending: () => (existsSync(BRIDGE_RULES) ? undefined : "the kernel's module br_netfilter"),
  run: () => {
    if (!runAsRoot('modprobe', ['br_netfilter']))
      throw new SetupError(
        'clusters need the kernel module br_netfilter: run `modprobe br_netfilter` as root.',
      );
  },
};

/** The CRDs of volume snapshots, which a cluster gets with its snapshot controller. */
export const snapshotCrds = goModuleFiles({
  name: 'snapshot-crds',
  version: 'v8.2.0',
  needsGo: '1.21',
  takes: 'seconds',
  module: 'github.com/kubernetes-csi/external-snapshotter/client/v8',
  folder: 'config/crd',
  programs: ['volumesnapshotclasses', 'volumesnapshotcontents', 'volumesnapshots'].map(
    (plural) => `snapshot.storage.k8s.io_${plural}.yaml`,
  ),
});

function requiredVersion() {
  const source = readFileSync(join(root, MODULE, 'go.mod'), 'utf8');
  const found = /^require k8s\.io\/kubernetes (v\S+)$/m.exec(source);
  if (!found) throw new SetupError(`${MODULE}/go.mod doesn't say which k8s.io/kubernetes it requires.`);
  return found[1];
}
