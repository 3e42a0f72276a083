import { access, constants } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Programs that the set-up script makes, below the user's cache folder, in the version that tests were written for. */
const BUILT = {
  versitygw: 'versitygw-v1.8.0/versitygw',
  ratarmount: 'archive-readers-1/bin/ratarmount',
  /** A Python that has indexed_zstd and indexed_gzip. */
  'archive-python': 'archive-readers-1/bin/python',
} as const;

/** Programs that come with the system, and the Debian package that has them. */
const INSTALLED = { 'redis-server': 'redis-server', go: 'golang-go' } as const;

/** The path of a program that was built for the tests. Rejects with a sentence that says how to get it. */
export async function builtTool(name: keyof typeof BUILT): Promise<string> {
  // The harness's one look at the environment, with `installedTool`: where the user's programs are.
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const path = join(cache, 'longshore', BUILT[name]);
  if (await isProgram(path)) return path;
  throw new Error(`${path} isn't there; run the set-up script, which makes it`);
}

/** The path of a program that the system has. Rejects with a sentence that says how to get it. */
export async function installedTool(name: keyof typeof INSTALLED): Promise<string> {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  const folders = [...path, '/usr/sbin', '/usr/local/bin', '/usr/local/go/bin'];
  for (const folder of folders) if (await isProgram(join(folder, name))) return join(folder, name);
  throw new Error(`${name} isn't installed; install the package ${INSTALLED[name]}`);
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
