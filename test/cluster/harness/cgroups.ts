import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from './until.ts';

const ROOT = '/sys/fs/cgroup';

/** Processes that were killed leave their cgroup a moment later. */
const EMPTY_MS = 10_000;

/** cgroup v1 has one tree for each controller, v2 one for all. */
const isVersion2 = () => existsSync(join(ROOT, 'cgroup.controllers'));

function trees(): string[] {
  if (isVersion2()) return [ROOT];
  const mounted = readdirSync(ROOT).map((name) => join(ROOT, name));
  return mounted.filter((tree) => existsSync(join(tree, 'cgroup.procs')));
}

/**
 * Makes a cgroup in every tree, `CLUSTER/NODE`, for a kubelet to keep its pods' below. kubelet takes one that lacks a
 * controller for one that isn't there.
 */
export function makeCgroup(name: string): void {
  for (const tree of trees()) for (const path of [dirname(name), name]) makeOne(join(tree, path));
}

function makeOne(path: string): void {
  const parent = dirname(path);
  if (isVersion2()) passControllersOn(parent);
  mkdirSync(path, { recursive: true });
  if (isVersion2() || !existsSync(join(parent, 'cpuset.cpus'))) return;
  // In v1 a new cpuset has no CPU, and no process can enter it (cpusets(7)).
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    writeFileSync(join(path, file), readFileSync(join(parent, file)));
}

function passControllersOn(path: string): void {
  const controllers = readFileSync(join(path, 'cgroup.controllers'), 'utf8').trim().split(' ');
  writeFileSync(join(path, 'cgroup.subtree_control'), controllers.map((each) => `+${each}`).join(' '));
}

/** Removes a cgroup in every tree, with everything below, as soon as no process is in them. */
export async function removeCgroup(name: string): Promise<void> {
  const paths = cgroups(name);
  await until(async () => paths.map(removeTree).every(Boolean), {
    what: `no process is in the cgroup ${name}`,
    withinMs: EMPTY_MS,
  });
}

/** The cgroup's paths, in the trees that have it. */
export function cgroups(name: string): string[] {
  return trees()
    .map((tree) => join(tree, name))
    .filter((path) => existsSync(path));
}

function removeTree(path: string): boolean {
  if (!existsSync(path)) return true;
  const emptied = childrenOf(path).map(removeTree).every(Boolean);
  return emptied && removeOne(path);
}

function removeOne(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EBUSY') return false;
    throw error;
  }
}

const childrenOf = (path: string) =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(path, entry.name));
