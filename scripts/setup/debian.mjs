import { join, relative } from 'node:path';
import { attempt, find, run } from './command.mjs';
import { SetupError } from './error.mjs';
import { root } from './places.mjs';
import { CLUSTERS, EXPORTS, PURPOSES } from './purposes.mjs';

/**
 * What comes from the distribution. `program` is what the package is wanted for, and how it is looked for
 * where there is no dpkg; with `anyProvider` everywhere, because the package would drive another provider's out.
 * @type {readonly {name: string, program?: string, anyProvider?: true, purposes: readonly string[]}[]}
 */
const PACKAGES = [
  // Node 26 is linked with it, and a minimal Debian hasn't got it.
  { name: 'libatomic1', purposes: PURPOSES },
  // The queue; every export starts one of its own.
  { name: 'redis-server', program: 'redis-server', purposes: EXPORTS },
  // What GNU tar calls for --zstd.
  { name: 'zstd', program: 'zstd', purposes: EXPORTS },
  // Readers and writers of what an archive carries besides bytes.
  { name: 'attr', program: 'setfattr', purposes: ['demo', 'test'] },
  { name: 'acl', program: 'setfacl', purposes: ['demo', 'test'] },
  { name: 'libcap2-bin', program: 'setcap', purposes: ['test'] },
  // Programs that must be able to open our archives.
  { name: 'pigz', program: 'pigz', purposes: ['test', 'bench'] },
  { name: 'libarchive-tools', program: 'bsdtar', purposes: ['test'] },
  { name: 'p7zip-full', program: '7z', purposes: ['test'] },
  { name: 'xz-utils', program: 'xz', purposes: ['test'] },
  // Mounts, to prove that a walk doesn't leave its file system; ratarmount needs FUSE too.
  { name: 'fuse3', program: 'fusermount3', purposes: ['test'] },
  { name: 'bindfs', program: 'bindfs', purposes: ['test'] },
  // Compares trees; programs from PyPI live in venvs of it.
  { name: 'python3', program: 'python3', purposes: ['demo', 'test', 'bench'] },
  { name: 'python3-venv', program: 'python3', purposes: ['test', 'bench'] },
  // A test compiles a C file, to compare our system-call constants with the kernel's headers.
  { name: 'gcc', program: 'gcc', purposes: ['test'] },
  { name: 'libc6-dev', program: 'gcc', purposes: ['test'] },
  // The container suite: a Docker daemon of its own, the images' base, and a network to look into.
  { name: 'docker.io', program: 'dockerd', anyProvider: true, purposes: ['test'] },
  { name: 'debootstrap', program: 'debootstrap', purposes: ['test'] },
  { name: 'iproute2', program: 'ip', purposes: CLUSTERS },
  { name: 'util-linux', program: 'unshare', purposes: CLUSTERS },
  // What customers fetch an archive with.
  { name: 'curl', program: 'curl', purposes: ['test'] },
  { name: 'wget', program: 'wget', purposes: ['test'] },
  { name: 'aria2', program: 'aria2c', purposes: ['test'] },
  { name: 'awscli', program: 'aws', purposes: ['test'] },
  // What a user would otherwise get a volume into a bucket with, besides s5cmd.
  { name: 'rclone', program: 'rclone', purposes: ['bench'] },
  { name: 'restic', program: 'restic', purposes: ['bench'] },
  // Opens the pages that the service has.
  { name: 'chromium', program: 'chromium', purposes: ['test'] },
  // A Kubernetes cluster: its database, containers, their network, what kube-proxy and kube-router call, certificates,
  // and an image to try things with.
  { name: 'etcd-server', program: 'etcd', purposes: CLUSTERS },
  { name: 'containerd', program: 'containerd', anyProvider: true, purposes: CLUSTERS },
  { name: 'runc', program: 'runc', anyProvider: true, purposes: CLUSTERS },
  { name: 'containernetworking-plugins', program: 'host-local', purposes: CLUSTERS },
  { name: 'iptables', program: 'iptables', purposes: CLUSTERS },
  { name: 'kmod', program: 'modprobe', purposes: CLUSTERS },
  { name: 'ipset', program: 'ipset', purposes: CLUSTERS },
  { name: 'conntrack', program: 'conntrack', purposes: CLUSTERS },
  { name: 'openssl', program: 'openssl', purposes: CLUSTERS },
  { name: 'busybox-static', program: 'busybox', purposes: CLUSTERS },
];

const INSTALLER = join(root, 'scripts/setup/install-packages.sh');

/**
 * @param {string} purpose
 * @returns {Pick<import('./run-steps.mjs').Step, 'pending' | 'run'>}
 */
export function debianPackages(purpose) {
  const wanted = PACKAGES.filter((each) => each.purposes.includes(purpose));
  return {
    pending: () => {
      const missing = missingOf(wanted);
      return missing.length ? `Debian packages ${missing.join(' ')}` : undefined;
    },
    run: () => install(missingOf(wanted)),
  };
}

/** @param {typeof PACKAGES} wanted */
function missingOf(wanted) {
  if (!find('dpkg-query')) return withoutProgram(wanted);
  // dpkg-query fails when it doesn't know a name, and still lists those that it knows.
  const { stdout } = attempt('dpkg-query', [
    '-W',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are dpkg-query's
    '-f=${Package} ${db:Status-Status}\n',
    ...wanted.map(({ name }) => name),
  ]);
  const installed = new Set(stdout.split('\n').filter((line) => line.endsWith(' installed')));
  return wanted
    .filter((each) => !installed.has(`${each.name} installed`) && !isProvided(each))
    .map(({ name }) => name);
}

/** @param {typeof PACKAGES[number]} wanted */
const isProvided = ({ anyProvider, program }) => anyProvider && program && find(program);

/** @param {typeof PACKAGES} wanted */
const withoutProgram = (wanted) =>
  wanted.filter(({ program }) => program && !find(program)).map(({ name }) => name);

/** @param {string[]} names */
function install(names) {
  if (!find('apt-get')) throw new SetupError(notDebian(names));
  if (!runAsRoot('sh', [INSTALLER, ...names])) throw new SetupError(needsRoot(names));
}

/**
 * Runs a program as root, with sudo where that's needed; false where neither can be had.
 * @param {string} program
 * @param {string[]} args
 */
export function runAsRoot(program, args) {
  if (process.getuid?.() === 0) run(program, args);
  else if (attempt('sudo', ['-n', 'true']).ok) run('sudo', ['-n', program, ...args]);
  else return false;
  return true;
}

/** @param {string[]} names */
function needsRoot(names) {
  const installer = relative(root, INSTALLER);
  return (
    'installing Debian packages needs root, and sudo asks for a password or is missing. ' +
    `Run this once, then try again:\n\n    sudo sh ${installer} ${names.join(' ')}\n`
  );
}

/** @param {string[]} names */
function notDebian(names) {
  const programs = PACKAGES.filter(({ name }) => names.includes(name)).map(({ program }) => program);
  return (
    'this machine has no apt-get. Install these programs with its own package manager, ' +
    `then try again: ${[...new Set(programs)].join(', ')}.`
  );
}
