import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { builtTool, installedTool } from '../../harness/tools.ts';
import { type Addresses, API_SERVICE, SERVICES } from './addresses.ts';
import { AUDIT_POLICY, type AuditEvent, readAuditLog } from './audit.ts';
import { type Authority, type Identity, writeKubeconfig } from './authority.ts';
import { Kubectl } from './kubectl.ts';
import type { Machine } from './machine.ts';
import { until } from './until.ts';

/** How fast the cluster gives a node up, in seconds. */
const PATIENCE = {
  // Kubernetes' own are 50 and 300. Nodes report every 2 to 4 s, and may be slow on a busy machine.
  nodeMonitorGrace: 16,
  toleration: 10,
} as const;

const READY_MS = 60_000;

/** What Kubernetes' own programs are called: the roles that every cluster has are bound to these users. */
const CONTROLLER_MANAGER = 'system:kube-controller-manager';
const SCHEDULER = 'system:kube-scheduler';

interface Site {
  machine: Machine;
  addresses: Addresses;
  authority: Authority;
}

/** etcd, API server, controller manager and scheduler, on one machine. */
export class ControlPlane {
  readonly kubectl: Kubectl;
  readonly server: string;
  readonly #auditLog: string;

  private constructor(machine: Machine, options: { kubectl: Kubectl; server: string }) {
    this.kubectl = options.kubectl;
    this.server = options.server;
    this.#auditLog = join(machine.folder, AUDIT_LOG);
  }

  /** Resolves when the API server is ready; the administrator's kubeconfig is in the machine's folder. */
  static async start(site: Site, signal?: AbortSignal): Promise<ControlPlane> {
    const { machine, addresses, authority } = site;
    const server = serverOf(addresses);
    const administrator = await authority.issue('administrator', { user: 'admin', group: 'system:masters' });
    const kubeconfig = await writeKubeconfig(join(machine.folder, 'kubeconfig'), {
      server,
      authority,
      identity: administrator,
    });
    const kubectl = await Kubectl.with(kubeconfig);
    await startApi(site);
    await until(async () => (await kubectl.run('get', '--raw', '/readyz')) === 'ok', {
      what: 'the API server is ready',
      withinMs: READY_MS,
      signal,
      check: () => machine.check(),
    });
    await startControllers(site);
    return new ControlPlane(machine, { kubectl, server });
  }

  auditLog(): Promise<AuditEvent[]> {
    return readAuditLog(this.#auditLog);
  }
}

const AUDIT_LOG = 'audit.log';
const SERVICE_ACCOUNT_KEY = 'service-accounts.key';

const serverOf = (addresses: Addresses) => `https://${addresses.control}:6443`;

async function startApi(site: Site): Promise<void> {
  const { machine } = site;
  const etcd = {
    'data-dir': await machine.makeFolder('etcd'),
    'listen-client-urls': 'http://127.0.0.1:2379',
    'advertise-client-urls': 'http://127.0.0.1:2379',
    'listen-peer-urls': 'http://127.0.0.1:2380',
    // Nothing of it is wanted after a power cut.
    'unsafe-no-fsync': 'true',
  };
  machine.start(await installedTool('etcd'), flags(etcd));
  machine.start(await builtTool('kube-apiserver'), flags(await apiServerOptions(site)));
}

async function apiServerOptions({ machine, addresses, authority }: Site): Promise<Record<string, string>> {
  const serving = await authority.issue('api-server', {
    user: 'kube-apiserver',
    hosts: [
      'DNS:kubernetes',
      'DNS:kubernetes.default',
      'DNS:kubernetes.default.svc',
      'DNS:kubernetes.default.svc.cluster.local',
      `IP:${API_SERVICE}`,
      `IP:${addresses.control}`,
    ],
  });
  // For logs and exec it is kubelets' client.
  const client = await authority.issue('api-server-client', {
    user: 'kube-apiserver',
    group: 'system:masters',
  });
  const key = await serviceAccountKey(machine);
  const policy = join(machine.folder, 'audit-policy.json');
  await writeFile(policy, JSON.stringify(AUDIT_POLICY));
  return {
    'etcd-servers': 'http://127.0.0.1:2379',
    'advertise-address': addresses.control,
    'service-cluster-ip-range': SERVICES,
    'client-ca-file': authority.certificate,
    ...files('tls', serving, { certificate: 'cert-file', key: 'private-key-file' }),
    ...files('kubelet-client', client, { certificate: 'certificate', key: 'key' }),
    'kubelet-certificate-authority': authority.certificate,
    'kubelet-preferred-address-types': 'InternalIP',
    'service-account-issuer': 'https://kubernetes.default.svc.cluster.local',
    'service-account-key-file': key,
    'service-account-signing-key-file': key,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'allow-privileged': 'true',
    'default-not-ready-toleration-seconds': String(PATIENCE.toleration),
    'default-unreachable-toleration-seconds': String(PATIENCE.toleration),
    'audit-policy-file': policy,
    'audit-log-path': join(machine.folder, AUDIT_LOG),
  };
}

/** Signs pods' tokens; the public key, to check them with, is part of it. */
async function serviceAccountKey(machine: Machine): Promise<string> {
  const path = join(machine.folder, SERVICE_ACCOUNT_KEY);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(path, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  return path;
}

function files(
  prefix: string,
  identity: Identity,
  names: Record<keyof Identity, string>,
): Record<string, string> {
  return {
    [`${prefix}-${names.certificate}`]: identity.certificate,
    [`${prefix}-${names.key}`]: identity.key,
  };
}

async function startControllers(site: Site): Promise<void> {
  const { machine, authority } = site;
  machine.start(
    await builtTool('kube-controller-manager'),
    flags({
      kubeconfig: await kubeconfigOf(CONTROLLER_MANAGER, site),
      'bind-address': '127.0.0.1',
      'leader-elect': 'false',
      'use-service-account-credentials': 'true',
      'service-account-private-key-file': join(machine.folder, SERVICE_ACCOUNT_KEY),
      'root-ca-file': authority.certificate,
      'node-monitor-period': '2s',
      'node-monitor-grace-period': `${PATIENCE.nodeMonitorGrace}s`,
    }),
  );
  machine.start(
    await builtTool('kube-scheduler'),
    flags({
      kubeconfig: await kubeconfigOf(SCHEDULER, site),
      'bind-address': '127.0.0.1',
      'leader-elect': 'false',
    }),
  );
}

async function kubeconfigOf(user: string, { machine, addresses, authority }: Site): Promise<string> {
  const name = user.replace('system:', '');
  const identity = await authority.issue(name, { user });
  return writeKubeconfig(join(machine.folder, `${name}.kubeconfig`), {
    server: serverOf(addresses),
    authority,
    identity,
  });
}

export function flags(options: Record<string, string>): string[] {
  return Object.entries(options).map(([name, value]) => `--${name}=${value}`);
}
