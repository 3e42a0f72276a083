// Where set-up puts things. The only file of set-up that reads the environment.
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

// A relative XDG_CACHE_HOME is to be ignored (XDG base directory specification 0.8).
const named = process.env.XDG_CACHE_HOME ?? '';
const caches = isAbsolute(named) ? named : join(homedir(), '.cache');

/** What is built once and shared by every checkout; each folder in it carries its version in its name. */
export const cache = join(caches, 'longshore');

/** Folders that are searched for programs: PATH, and where unprivileged users' PATH often doesn't reach, or no PATH. */
export const programFolders = [
  ...(process.env.PATH ?? '').split(delimiter).filter(Boolean),
  '/usr/local/go/bin',
  '/usr/sbin',
  '/sbin',
  '/usr/lib/cni',
];
