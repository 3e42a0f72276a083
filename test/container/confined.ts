/** How a container runs here, and in the clusters that Longshore is for: without anything that it doesn't need. */
export const CONFINED: readonly string[] = [
  ...['run', '--rm', '--network', 'none', '--read-only', '--cap-drop', 'ALL'],
  ...['--security-opt', 'no-new-privileges', '--tmpfs', '/tmp:rw,nosuid,nodev,noexec,size=256m,mode=1777'],
];
