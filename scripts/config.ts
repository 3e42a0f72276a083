// What scripts take from the environment. The only file of scripts/ that reads it.
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout, with a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url));

/** Where big temporary things go: TMPDIR, or /tmp. */
export const temporary = tmpdir();

export const home = homedir();

/**
 * For child processes: this very Node and the checkout's programs stand first on PATH, so that a script that
 * wasn't started by npm runs the same programs as one that was.
 */
export const childEnvironment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: [dirname(process.execPath), join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
};
