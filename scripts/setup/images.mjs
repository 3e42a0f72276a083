// What the container suite makes its images of: it can't count on a registry of images.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from './command.mjs';
import { runAsRoot } from './debian.mjs';
import { SetupError } from './error.mjs';
import { cache } from './places.mjs';

// Where a machine that isn't Debian's own gets it.
const MIRROR = 'http://deb.debian.org/debian';

const SOURCES = '/etc/apt/sources.list.d';

// The number grows when what is made here changes.
const archive = join(cache, 'debian-bookworm-1', 'base.tar');

/** What stands in for `debian:bookworm-slim`: the same release without documentation, made by debootstrap. */
export const baseImage = {
  pending: () => (existsSync(archive) ? undefined : 'a Debian base image (debootstrap; a minute)'),
  run: () => {
    const folder = join(cache, 'debian-bookworm-1');
    const scratch = `${folder}.${process.pid}.partial`;
    mkdirSync(scratch, { recursive: true });
    try {
      bootstrap(join(scratch, 'root'), join(scratch, 'base.tar'));
      mkdirSync(folder, { recursive: true });
      renameSync(join(scratch, 'base.tar'), archive);
    } finally {
      // Root's files, where sudo made them.
      if (!attempt('rm', ['-rf', scratch]).ok) runAsRoot('rm', ['-rf', scratch]);
    }
  },
};

// As Debian's own slim image does it (debuerreotype, .slimify-excludes).
const LEFT_OUT = ['usr/share/doc', 'usr/share/info', 'usr/share/locale', 'usr/share/man'];
const LEAVINGS = ['var/cache/apt', 'var/lib/apt/lists', 'var/log'];

/**
 * @param {string} root
 * @param {string} into
 */
function bootstrap(root, into) {
  if (!runAsRoot('debootstrap', ['--variant=minbase', 'bookworm', root, mirror()]))
    throw new SetupError(
      'the base image of the container suite is made by debootstrap, which needs root; run this as root, or with ' +
        'a sudo that asks for no password.',
    );
  const without = [...LEFT_OUT, ...LEAVINGS].map((path) => `--exclude=./${path}/*`);
  runAsRoot('tar', ['-C', root, '--numeric-owner', ...without, '-cf', into, '.']);
}

/** Where this machine gets its own packages from: what it can reach. */
function mirror() {
  const lists = existsSync(SOURCES) ? readdirSync(SOURCES).filter((name) => /^debian\./.test(name)) : [];
  const files = ['/etc/apt/sources.list', ...lists.map((name) => join(SOURCES, name))].filter(existsSync);
  const text = files.map((file) => readFileSync(file, 'utf8')).join('\n');
  const [, url] = /^(?:URIs:|deb(?: \[.*\])?)\s+(https?:\S+\/debian)\/?(?:\s|$)/m.exec(text) ?? [];
  return url ?? MIRROR;
}

// What Node 26 comes with; the number is its version.
const NPM = '11.21.2';
const npmFolder = join(cache, `npm-${NPM}`);

/** The npm of the image that stands in for `node:…-bookworm-slim`. */
export const imageNpm = {
  pending: () => (existsSync(npmFolder) ? undefined : `npm ${NPM}, for images`),
  run: () => {
    const scratch = `${npmFolder}.${process.pid}.partial`;
    try {
      run('npm', ['install', '--global', '--prefix', scratch, '--no-audit', '--no-fund', `npm@${NPM}`]);
      renameSync(scratch, npmFolder);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  },
};
