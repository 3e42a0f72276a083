import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { linksOf } from './links.ts';
import { remainsOf, startOf } from './state-folder.ts';

const NAMESPACES = ['mnt', 'net', 'pid', 'uts', 'ipc'] as const;

/** Whatever a cluster has outside of its own API: what must be there while it runs, and not any more afterwards. */
export interface Traces {
  /** Its programs, known by their arguments and environment, its pods', by their cgroup, and all in their namespaces. */
  processes: Process[];
  /** Those of its processes that aren't this process's: `net:[4026532305]`. */
  namespaces: string[];
  /** Network links in this process's namespace, by their alias. */
  links: string[];
  /** In this process's namespace. */
  mounts: string[];
  /** Folders and cgroups. */
  remains: string[];
}

export interface Process {
  pid: number;
  /** In clock ticks since boot: pids come again, and so do namespaces' numbers. */
  started: string | undefined;
}

export const NO_TRACES: Traces = { processes: [], namespaces: [], links: [], mounts: [], remains: [] };

export async function tracesOf(folder: string): Promise<Traces> {
  const own = new Set(await namespacesOf('self'));
  const named = await processesOf(folder);
  const found = new Set((await Promise.all(named.map(namespacesOf))).flat());
  const namespaces = [...found].filter((namespace) => !own.has(namespace));
  const inside = await processesIn(namespaces);
  const processes = [...new Set([...named, ...inside])];
  return {
    processes: await Promise.all(processes.map(async (pid) => ({ pid, started: await startOf(pid) }))),
    namespaces,
    links: await linksOf(basename(folder)),
    mounts: (await mounts()).filter((line) => line.includes(folder)),
    remains: await remainsOf(folder),
  };
}

/** Which of a cluster's processes run on. When none does, its namespaces are gone, unless a mount keeps one. */
export async function survivorsOf({ processes }: Traces): Promise<Process[]> {
  const now = await Promise.all(processes.map(({ pid }) => startOf(pid)));
  return processes.filter(({ started }, index) => started !== undefined && now[index] === started);
}

async function processesOf(folder: string): Promise<number[]> {
  return pidsWhere(
    async (pid) =>
      (await fileOf(pid, 'cmdline')).includes(folder) ||
      (await fileOf(pid, 'environ')).includes(folder) ||
      (await fileOf(pid, 'cgroup')).includes(basename(folder)),
  );
}

const processesIn = (namespaces: readonly string[]) =>
  pidsWhere(async (pid) => (await namespacesOf(pid)).some((namespace) => namespaces.includes(namespace)));

async function pidsWhere(holds: (pid: number) => Promise<boolean>): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const held = await Promise.all(pids.map(holds));
  return pids.filter((_, index) => held[index]);
}

async function mounts(): Promise<string[]> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
}

/** Processes end between two looks: those have no files and no namespaces any more. */
const fileOf = (pid: number, name: string) => readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => '');

async function namespacesOf(pid: number | 'self'): Promise<string[]> {
  const links = NAMESPACES.map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => ''));
  return (await Promise.all(links)).filter(Boolean);
}
