import { readFileSync } from 'node:fs';

/** Resident memory in bytes: now, and at its highest so far. Undefined for a process that is gone. */
export function memoryOf(pid: number): { now: number; peak: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const now = kilobytes(status, 'VmRSS');
    return now === undefined ? undefined : { now, peak: kilobytes(status, 'VmHWM') ?? now };
  } catch {
    return undefined;
  }
}

/** A process that has ended and wasn't waited for has a status without these fields. */
function kilobytes(status: string, field: string): number | undefined {
  const [, value] = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status) ?? [];
  return value === undefined ? undefined : Number(value) * 1024;
}
