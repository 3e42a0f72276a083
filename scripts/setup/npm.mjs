import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from './command.mjs';
import { SetupError } from './error.mjs';
import { root } from './places.mjs';

/**
 * @typedef {object} Locked a package in a lock file
 * @property {string} [version]
 * @property {string} [integrity]
 * @property {string} [resolved]
 * @property {boolean} [link]
 * @property {unknown} [bin]
 * @property {boolean} [optional] npm leaves those of other platforms out
 */

// What the `node` package's install script brings by itself; no lock file knows of it.
const NODE_OWN = 'node_modules/node/node_modules/';

const locked = () => readLock(join(root, 'package-lock.json'));

/**
 * Installed is what npm's own record in node_modules says, not what a stamp of ours would say: whoever ran
 * `npm install` by hand needs no second one, and a pull that moved a version is noticed.
 */
export const npmPackages = {
  pending: () => (installedMatchesLock() ? undefined : 'npm packages'),
  run: () => {
    // Not `npm ci`: it refuses a lock file that lacks any platform's optional packages, and a registry that
    // hasn't got all of them can't give a fuller one. What `ci` would have refused besides is checked here.
    run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
    if (installedMatchesLock()) return;
    throw new SetupError(
      "what npm installed isn't what package-lock.json says: package.json and the lock file are out of step. " +
        'Run `npm install` and commit the lock file.',
    );
  },
};

/** The `node` package fetches its program in an install script, which npm may have been told not to run. */
export const exactNode = {
  pending: () => (hasExactNode() ? undefined : `Node ${wantedNode()}`),
  run: () => {
    run('npm', ['rebuild', 'node', '--ignore-scripts=false']);
    if (hasExactNode()) return;
    throw new SetupError(
      `node_modules/node/bin/node isn't Node ${wantedNode()}, although npm installed the \`node\` package. ` +
        'Its install script was probably blocked: run `npm approve-scripts node`, then `npm rebuild node`.',
    );
  },
};

const wantedNode = () => locked()['node_modules/node']?.version;

function hasExactNode() {
  const { ok, stdout } = attempt(join(root, 'node_modules/node/bin/node'), ['--version']);
  return ok && stdout.trim() === `v${wantedNode()}`;
}

function installedMatchesLock() {
  const record = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(record)) return false;
  const installed = readLock(record);
  const { '': _, ...wanted } = locked();
  const paths = new Set([...Object.keys(wanted), ...Object.keys(installed)]);
  return [...paths].every((path) => path.startsWith(NODE_OWN) || agree(wanted[path], installed[path]));
}

/**
 * @param {Locked | undefined} wanted
 * @param {Locked | undefined} found
 */
function agree(wanted, found) {
  if (!wanted) return false;
  return found ? identity(wanted) === identity(found) : wanted.optional === true;
}

/** @param {Locked} entry */
const identity = ({ version, integrity, link, bin }) => JSON.stringify([version, integrity, link, bin]);

/**
 * @param {string} file
 * @returns {Record<string, Locked>}
 */
function readLock(file) {
  return JSON.parse(readFileSync(file, 'utf8')).packages;
}
