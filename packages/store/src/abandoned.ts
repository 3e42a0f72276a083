import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A process that is killed leaves its temporary files. Their names begin with a mark of it, so that any other
 * process of this machine can tell that nobody will come back for them.
 *
 * The mark is `MACHINE.PID.START.`: a digest of the kernel's boot id and the pid namespace, because a pid means
 * nothing elsewhere; and the time at which the process started (in ticks since boot), because pids come round
 * again. It's short, as Unix sockets whose path may have 107 bytes stand below such names.
 */
const MARK = /^([0-9a-f]{8})\.([0-9a-z]+)\.([0-9a-z]+)\./;

/** Fields of proc_pid_stat(5), counted from the one behind the program's name, which may hold spaces. */
const FIELD = { state: 0, startTime: 19 } as const;

const machine = readMachine();

/** What names of this process's temporary files begin with; empty where the system doesn't tell (it has no /proc). */
export const processMark = markOf(process.pid);

/** Removes the files and folders in `folder` that a process of this machine left under a marked name when it was killed. */
export async function removeAbandoned(folder: string, prefix = ''): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(prefix) || !isAbandoned(name.slice(prefix.length))) continue;
    await rm(join(folder, name), { recursive: true, force: true }).catch(unlessOthers);
  }
}

/** What another user left is another user's to remove; and somebody else may be removing it right now. */
const NOT_OURS: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'ENOTEMPTY', 'ENOENT']);

function unlessOthers(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && NOT_OURS.has(error.code))) throw error;
}

function markOf(pid: number): string {
  const start = readStat(pid)?.start;
  return machine && start ? `${machine}.${pid.toString(36)}.${start}.` : '';
}

function isAbandoned(name: string): boolean {
  const [, where, pid, start] = MARK.exec(name) ?? [];
  return where !== undefined && where === machine && isGone(Number.parseInt(pid, 36), start);
}

/** A process that /proc hides, being another user's, isn't gone. */
function isGone(pid: number, start: string): boolean {
  if (!isThere(pid)) return true;
  const stat = readStat(pid);
  return stat !== undefined && ('ZX'.includes(stat.state) || stat.start !== start);
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

function readMachine(): string | undefined {
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const namespace = read(() => readlinkSync('/proc/self/ns/pid'));
  if (!boot || !namespace) return undefined;
  return createHash('sha256').update(`${boot} ${namespace}`).digest('hex').slice(0, 8);
}

function readStat(pid: number): { state: string; start: string } | undefined {
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (!fields) return undefined;
  return { state: fields[FIELD.state], start: Number(fields[FIELD.startTime]).toString(36) };
}

/** What there's no right or no file to read for is unknown. */
function read(look: () => string): string | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
