import { join, relative } from 'node:path';
import { attempt, find, run } from './command.mjs';
import { SetupError } from './error.mjs';
import { root } from './places.mjs';

const ALWAYS = ['demo', 'test', 'bench'];

/**
 * What comes from the distribution. `program` is what the package is wanted for, and how it is looked for
 * where there is no dpkg.
 * @type {readonly {name: string, program?: string, purposes: readonly string[]}[]}
 */
const PACKAGES = [
  // Node 26 is linked with it, and a minimal Debian hasn't got it.
  { name: 'libatomic1', purposes: ALWAYS },
  // The queue; every export starts one of its own.
  { name: 'redis-server', program: 'redis-server', purposes: ALWAYS },
  // What GNU tar calls for --zstd.
  { name: 'zstd', program: 'zstd', purposes: ALWAYS },
  // Readers and writers of what an archive carries besides bytes.
  { name: 'attr', program: 'setfattr', purposes: ['demo', 'test'] },
  { name: 'acl', program: 'setfacl', purposes: ['demo', 'test'] },
  { name: 'libcap2-bin', program: 'setcap', purposes: ['test'] },
  // Programs that must be able to open our archives.
  { name: 'pigz', program: 'pigz', purposes: ['test'] },
  { name: 'libarchive-tools', program: 'bsdtar', purposes: ['test'] },
  { name: 'p7zip-full', program: '7z', purposes: ['test'] },
  { name: 'xz-utils', program: 'xz', purposes: ['test'] },
  // Mounts, to prove that a walk doesn't leave its file system; ratarmount needs FUSE too.
  { name: 'fuse3', program: 'fusermount3', purposes: ['test'] },
  { name: 'bindfs', program: 'bindfs', purposes: ['test'] },
  // Compares trees; in its venv live ratarmount and indexed_zstd.
  { name: 'python3', program: 'python3', purposes: ['demo', 'test'] },
  { name: 'python3-venv', program: 'python3', purposes: ['test'] },
  // A test compiles a C file, to compare our system-call constants with the kernel's headers.
  { name: 'gcc', program: 'gcc', purposes: ['test'] },
  { name: 'libc6-dev', program: 'gcc', purposes: ['test'] },
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
  return wanted.map(({ name }) => name).filter((name) => !installed.has(`${name} installed`));
}

/** @param {typeof PACKAGES} wanted */
const withoutProgram = (wanted) =>
  wanted.filter(({ program }) => program && !find(program)).map(({ name }) => name);

/** @param {string[]} names */
function install(names) {
  if (!find('apt-get')) throw new SetupError(notDebian(names));
  const command = ['sh', INSTALLER, ...names];
  if (process.getuid?.() === 0) run('sh', command.slice(1));
  else if (attempt('sudo', ['-n', 'true']).ok) run('sudo', ['-n', ...command]);
  else throw new SetupError(needsRoot(names));
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
