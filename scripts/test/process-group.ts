import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that was told to end needs a moment; one that wasn't is still there after it. */
const GRACE_MS = 2_000;

/** What still runs in a process group after a moment of grace: its processes' command lines. */
export async function groupMembers(group: number): Promise<string[]> {
  const deadline = performance.now() + GRACE_MS;
  let members = membersNow(group);
  while (members.length > 0 && performance.now() < deadline) {
    await delay(100);
    members = membersNow(group);
  }
  return members;
}

export function killGroup(group: number, signal: NodeJS.Signals) {
  try {
    if (group > 0) process.kill(-group, signal);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function membersNow(group: number): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => isAliveIn(pid, group)).map((pid) => `${pid} ${commandLine(pid)}`);
}

/** Fields state and pgrp of proc_pid_stat(5), which follow the program's name in parentheses. */
function isAliveIn(pid: string, group: number): boolean {
  const stat = readProc(pid, 'stat');
  const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(pgrp) === group && state !== 'Z' && state !== 'X';
}

const commandLine = (pid: string) => readProc(pid, 'cmdline').replaceAll('\0', ' ').trim();

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
