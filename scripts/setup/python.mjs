import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.mjs';
import { cache } from './places.mjs';

// The distribution's, whose venv module set-up has just made sure of, rather than the first on PATH.
const PYTHON = '/usr/bin/python3';

const PINS = fileURLToPath(new URL('archive-readers.txt', import.meta.url));

// Named for the reader that the pins are for; the number grows when they change.
const folder = join(cache, 'archive-readers-1');

// Written last: a venv can't be moved into place when it's whole, because its scripts hold their own path.
const complete = join(folder, 'complete');

/** ratarmount and indexed_zstd, which open an archive at any offset: tests compare what they read. */
export const archiveReaders = {
  pending: () => (existsSync(complete) ? undefined : 'ratarmount and indexed_zstd (PyPI)'),
  run: () => {
    rmSync(folder, { recursive: true, force: true });
    run(PYTHON, ['-m', 'venv', folder]);
    run(join(folder, 'bin/pip'), ['install', '-q', '--disable-pip-version-check', '-r', PINS]);
    writeFileSync(complete, '');
  },
};
