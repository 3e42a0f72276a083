import { readdirSync, readFileSync } from 'node:fs';

/** A process as /proc shows it at one moment. */
export interface Process {
  pid: number;
  parent: number;
  group: number;
  /** Arguments joined by spaces. */
  command: string;
  /** Resident memory in bytes; pages that processes share count in each. */
  residentBytes: number;
}

/** What x64 and Debian's arm64 have; rss in proc_pid_stat(5) counts pages. */
const PAGE_BYTES = 4_096;

/** Every process that runs now; zombies have ended and aren't among them. */
export function processes(): Process[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(readProcess).filter((found) => found !== undefined);
}

/** The processes that `pid` started, and those that they did, without itself. */
export function descendants(pid: number): Process[] {
  const all = processes();
  const below = (parent: number): Process[] =>
    all.filter((each) => each.parent === parent).flatMap((each) => [each, ...below(each.pid)]);
  return below(pid);
}

/** Sends a signal to one process, or to a group by its negative id; whether there was one to get it. */
export function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** Fields of proc_pid_stat(5), counted from the one behind the program's name, which may hold spaces. */
const FIELD = { state: 0, parent: 1, group: 2, residentPages: 21 } as const;

function readProcess(pid: string): Process | undefined {
  const stat = readProc(pid, 'stat');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (stat === '' || 'ZX'.includes(fields[FIELD.state])) return undefined;
  return {
    pid: Number(pid),
    parent: Number(fields[FIELD.parent]),
    group: Number(fields[FIELD.group]),
    command: readProc(pid, 'cmdline').replaceAll('\0', ' ').trim(),
    residentBytes: Number(fields[FIELD.residentPages]) * PAGE_BYTES,
  };
}

/** A process may end between two looks: what can't be read any more is empty. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (isGone(error)) return '';
    throw error;
  }
}

const GONE = new Set(['ENOENT', 'ESRCH']);
const isGone = (error: unknown) => error instanceof Error && 'code' in error && GONE.has(String(error.code));
