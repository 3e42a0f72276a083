import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './error.mjs';
import { programFolders, root } from './places.mjs';

// Enough of each end to show a reason, and little enough to read: compilers say it last, npm first.
const SHOWN_LINES = 12;

/**
 * Runs a program in the checkout and gives its standard output.
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [variables] set on top of this process's own
 */
export function run(program, args, variables = {}) {
  const result = attempt(program, args, variables);
  if (result.ok) return result.stdout;
  throw new SetupError(`\`${[program, ...args].join(' ')}\` failed:\n${result.reason}`);
}

/**
 * The same for a program that may fail: `reason` holds the first and last lines of what it said.
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} [variables]
 */
export function attempt(program, args, variables = {}) {
  // `env` sets the variables, so that this process's own needn't be read and copied here.
  const words = [...Object.entries(variables).map(([name, value]) => `${name}=${value}`), program, ...args];
  const { status, stdout, stderr, error } = spawnSync('env', words, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return { ok: status === 0, stdout: stdout ?? '', reason: error?.message ?? ends(`${stdout}${stderr}`) };
}

/** @param {string} said */
function ends(said) {
  const lines = said.trimEnd().split('\n');
  if (lines.length <= 2 * SHOWN_LINES) return lines.join('\n');
  return [...lines.slice(0, SHOWN_LINES), '[…]', ...lines.slice(-SHOWN_LINES)].join('\n');
}

/**
 * The path of a program, or undefined where the machine hasn't got it.
 * @param {string} program
 */
export function find(program) {
  return programFolders.map((folder) => join(folder, program)).find(isExecutable);
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
