import { builtTool } from '../../harness/tools.ts';
import { SERVICES } from './addresses.ts';
import { flags } from './control-plane.ts';
import type { Machine } from './machine.ts';
import { until } from './until.ts';

/** As in `firewall.yaml`. */
export const FIREWALL_USER = 'system:kube-router';

const IN_FORCE_MS = 60_000;

/** What kube-router hangs its rules into for packets that a node forwards, and what ends them once all are there. */
const CHAIN = 'KUBE-ROUTER-FORWARD';
const LAST_RULE = /--mark 0x20000\/0x20000 -j ACCEPT/;

/**
 * Enforces NetworkPolicies on a node that is Ready: kube-router's firewall alone, which keeps iptables rules and sets of
 * addresses in the node's network namespace. Resolves once the policies that are there already are in force.
 */
export async function startFirewall(
  machine: Machine,
  { kubeconfig, signal }: { kubeconfig: string; signal?: AbortSignal },
): Promise<void> {
  const options = {
    kubeconfig,
    'hostname-override': machine.name,
    'run-firewall': 'true',
    // The bridge plugin's network and kube-proxy's Services stay.
    'run-router': 'false',
    'run-service-proxy': 'false',
    'run-loadbalancer': 'false',
    'enable-cni': 'false',
    'service-cluster-ip-range': SERVICES,
    v: '1',
  };
  machine.start(await builtTool('kube-router'), flags(options));
  await until(async () => LAST_RULE.test(await machine.run('iptables', ['--list-rules', CHAIN])), {
    what: `NetworkPolicies are in force on ${machine.name}`,
    withinMs: IN_FORCE_MS,
    signal,
    check: () => machine.check(),
  });
}
