import { accessSync, constants, existsSync } from 'node:fs';
import { execa } from 'execa';
import { installedTool } from '../../harness/tools.ts';

/** Programs that are called by others: what starts one itself asks for it then. */
const CALLED = ['runc', 'ip', 'iptables', 'ipset', 'conntrack', 'openssl'] as const;

/** What a cluster can't do without, in the order in which it's looked for, and what to say where it's missing. */
const REQUIREMENTS: readonly { holds: () => Promise<boolean>; otherwise: string }[] = [
  {
    holds: async () => process.platform === 'linux',
    otherwise: 'a test cluster needs Linux: it is made of namespaces',
  },
  {
    holds: async () => process.getuid?.() === 0,
    otherwise: 'a test cluster needs root, for namespaces, mounts and cgroups: run it with sudo',
  },
  {
    holds: async () => {
      const kinds = ['--mount', '--net', '--pid', '--uts', '--ipc'];
      const { failed } = await execa('unshare', [...kinds, '--fork', '--mount-proc', 'true'], {
        reject: false,
      });
      return !failed;
    },
    otherwise:
      "a test cluster needs namespaces, and here not even root may make them: in a container, that's `--privileged`",
  },
  {
    holds: async () => canWrite('/sys/fs/cgroup'),
    otherwise: 'a test cluster needs a cgroup file system that it can write to, at /sys/fs/cgroup',
  },
  {
    holds: async () => canWrite('/dev/kmsg'),
    otherwise: 'a test cluster needs /dev/kmsg, which kubelet reads: in a container, `--device /dev/kmsg`',
  },
  {
    // In a new network namespace it is 1.
    holds: async () => existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables'),
    otherwise:
      "a test cluster needs the kernel's br_netfilter, for rules between a node's pods: `modprobe br_netfilter`",
  },
];

/** Rejects with a sentence about the first thing that is missing, before anything is made that would have to go. */
export async function checkRequirements(): Promise<void> {
  for (const { holds, otherwise } of REQUIREMENTS) if (!(await holds())) throw new Error(otherwise);
  for (const program of CALLED) await installedTool(program);
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
