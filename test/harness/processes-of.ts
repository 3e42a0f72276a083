import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 20;

/**
 * Pids of the processes that were started with `temp` as their TMPDIR, wherever they hang in the tree by now: a
 * killed parent's children are init's. Redis writes its title over its environment, and its socket's path is in
 * that.
 */
export function processesOf(temp: string): number[] {
  const isOurs = (pid: string) =>
    wordsOf(pid, 'environ').includes(`TMPDIR=${temp}`) ||
    wordsOf(pid, 'cmdline').some((word) => word.includes(`redis-server unixsocket:${temp}/`));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isOurs(name))
    .map(Number);
}

/** A process that is ending, and one of another user, has none to be read. */
function wordsOf(pid: string, file: 'environ' | 'cmdline'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

/** Waits until none of these processes is left; gives those that are after `patienceMs`. */
export async function processesLeft(temp: string, patienceMs: number): Promise<number[]> {
  const deadline = performance.now() + patienceMs;
  while (processesOf(temp).length > 0 && performance.now() < deadline) await delay(LOOK_AGAIN_MS);
  return processesOf(temp);
}
