import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { cgroups, removeCgroup } from './cgroups.ts';
import { removeLinks } from './links.ts';

/**
 * A cluster's folder says in its name whose it is, from its first moment on: the pid of the process that started the
 * cluster, and when that one started, in clock ticks since boot, since pids come again.
 */
const NAME = /^longshore-cluster-(?<pid>\d+)-(?<started>\d+)-\w+$/;

/** What of a cluster outlives its processes: a folder, and cgroups below the one that has its name. */
export interface StateFolder extends AsyncDisposable {
  path: string;
  /** The folder's name, and its cgroup's. */
  name: string;
}

export async function stateFolder(): Promise<StateFolder> {
  const path = await mkdtemp(
    join(tmpdir(), `longshore-cluster-${process.pid}-${await startOf(process.pid)}-`),
  );
  return { path, name: basename(path), [Symbol.asyncDispose]: () => remove(path) };
}

/**
 * Removes what clusters left behind whose process is gone. The kernel has killed their machines by then, and taken
 * their namespaces and mounts away; a link may take it longer. Gives the folders that were removed.
 */
export async function removeAbandoned(): Promise<string[]> {
  const folders = (await readdir(tmpdir())).filter((name) => NAME.test(name));
  const abandoned: string[] = [];
  for (const name of folders) if (!(await isOwned(name))) abandoned.push(join(tmpdir(), name));
  await Promise.all(abandoned.map(remove));
  return abandoned;
}

/** What is left of a cluster, by its folder's path: the folder, and cgroups. */
export async function remainsOf(path: string): Promise<string[]> {
  const names = await readdir(tmpdir());
  return [...names.filter((name) => name === basename(path)), ...cgroups(basename(path))];
}

/** Nothing is mounted below, as far as this process sees: machines mount in namespaces of their own. */
async function remove(path: string): Promise<void> {
  await removeLinks(basename(path));
  await removeCgroup(basename(path));
  await rm(path, { recursive: true, force: true });
}

async function isOwned(name: string): Promise<boolean> {
  const { pid, started } = NAME.exec(name)?.groups ?? {};
  return (await startOf(Number(pid))) === started;
}

/**
 * When a process started, if it hasn't ended: field 22 of proc_pid_stat(5), counted from behind the program's name,
 * which may hold spaces.
 */
export async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? undefined : fields[22 - 4];
}
