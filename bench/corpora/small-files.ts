import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { root } from '../../scripts/config.ts';
import type { Contents, Corpus, Making } from './corpus.ts';
import { Seeded } from './seeded.ts';

const SEED = 'small-files-1';
const FILES = 200_000;

/** Files of one directory, and directories of one above them, of which there are as many as it takes. */
const PER_DIRECTORY = 25;
const PER_PARENT = 40;

const SIZE = { median: 2_000, spread: 1, max: 64_000 };

/** Of text to cut files from: so much that what is far apart isn't the same, and little enough for memory. */
const POOL_BYTES = 40e6;

/** Above this, a program has been packed into one file, and isn't source any more. */
const MAX_SOURCE_BYTES = 200_000;

/** Seconds since 1970 of the oldest file, and within what time the others came after it. */
const OLDEST = Date.UTC(2024, 0, 1) / 1_000;
const YEAR_S = 365 * 86_400;

export const smallFiles: Corpus = {
  title: '200,000 small source files',
  about:
    'pieces, 2 kB in the middle, of the JavaScript and TypeScript that npm has brought into node_modules',
  make,
};

interface Source {
  name: string;
  extension: string;
  text: string;
}

async function make({ path, scale, signal }: Making): Promise<Contents> {
  const chosen = byLength(await readSources());
  const seeded = new Seeded(SEED);
  const contents: Contents = { files: 0, bytes: 0 };
  for (let number = 0; number < FILES * scale; number++) {
    const directory = Math.floor(number / PER_DIRECTORY);
    const folder = join(path, `part-${Math.floor(directory / PER_PARENT)}`, `module-${directory}`, 'src');
    if (number % PER_DIRECTORY === 0) {
      await setImmediate();
      signal.throwIfAborted();
      mkdirSync(folder, { recursive: true });
    }
    const { name, extension, text } = pieceOf(seeded.pick(chosen), seeded);
    const file = join(folder, `${name}-${number}${extension}`);
    writeFileSync(file, text);
    const time = OLDEST + seeded.below(YEAR_S);
    utimesSync(file, time, time);
    contents.files++;
    contents.bytes += Buffer.byteLength(text);
  }
  return contents;
}

/** What npm's lock file brings, which is the same on every machine, in the order of the paths. */
async function readSources(): Promise<Source[]> {
  const cwd = join(root, 'node_modules');
  // Our own packages are linked from there, and change.
  const files = await Array.fromAsync(glob(['**/*.js', '**/*.ts'], { cwd, exclude: ['@longshore'] }));
  const sources: Source[] = [];
  let bytes = 0;
  for (const file of files.sort().map((each) => join(cwd, each))) {
    const stat = statSync(file);
    // There are folders whose names end in `.js`.
    if (!stat.isFile() || stat.size > MAX_SOURCE_BYTES || bytes + stat.size > POOL_BYTES) continue;
    bytes += stat.size;
    const extension = extname(file);
    sources.push({ name: basename(file, extension), extension, text: readFileSync(file, 'utf8') });
  }
  return sources;
}

/** Each as often as it's long: were they all picked alike, the many that have only a few lines would prevail. */
const byLength = (sources: readonly Source[]) =>
  sources.flatMap((source) => Array<Source>(Math.ceil(source.text.length / SIZE.median)).fill(source));

/** Whole lines of a source, from anywhere in it. */
function pieceOf({ text, ...source }: Source, seeded: Seeded): Source {
  const size = seeded.size(SIZE);
  const start = text.lastIndexOf('\n', seeded.below(Math.max(1, text.length - size))) + 1;
  const end = text.indexOf('\n', start + size);
  return { ...source, text: text.slice(start, end < 0 ? undefined : end + 1) };
}
