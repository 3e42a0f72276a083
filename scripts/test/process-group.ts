import { setTimeout as delay } from 'node:timers/promises';
import { type Process, processes } from '../processes.ts';

/** A process that was told to end needs a moment; one that wasn't is still there after it. */
const GRACE_MS = 2_000;

/** What still runs in a process group after a moment of grace. */
export async function remaining(group: number): Promise<Process[]> {
  const deadline = performance.now() + GRACE_MS;
  let members = membersNow(group);
  while (members.length > 0 && performance.now() < deadline) {
    await delay(100);
    members = membersNow(group);
  }
  return members;
}

const membersNow = (group: number) => processes().filter((each) => each.group === group);
