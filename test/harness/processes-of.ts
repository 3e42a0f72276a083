import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_AGAIN_MS = 20;

/**
 * Pids of the processes that were started with `temp` as their TMPDIR, wherever they hang in the tree by now: a
 * killed parent's children are init's.
 */
export function processesOf(temp: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(`TMPDIR=${temp}`))
    .map(Number);
}

/** A process that is ending, and one of another user, has none to be read. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
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
