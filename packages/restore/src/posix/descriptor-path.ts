/**
 * What a descriptor stands for, as a path for calls that take none: it leads to that very thing, even if it is a
 * symbolic link or was renamed meanwhile (proc_pid_fd(5)).
 */
export function descriptorPath(fd: number): Buffer {
  return Buffer.from(`/proc/self/fd/${fd}\0`);
}
