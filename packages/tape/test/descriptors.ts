import { readdirSync, readlinkSync } from 'node:fs';

/** What this process has open inside `dir`: paths, sorted. A test that leaves any has leaked it. */
export function openBelow(dir: string): string[] {
  return readdirSync('/proc/self/fd')
    .map(targetOf)
    .filter((target) => target === dir || target.startsWith(`${dir}/`))
    .sort();
}

function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    // The descriptor that listed this directory is gone by now, and long paths have no text here.
    return error instanceof Error ? error.name : '';
  }
}
