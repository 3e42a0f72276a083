import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** A directory tree of real files, copied for an export. */
export interface Volume {
  path: string;
  files: number;
  /** Further names of those files. */
  hardLinks: number;
  bytes: number;
}

export interface VolumeOptions {
  path: string;
  /** Folders to copy from, in this order, again and again until there is enough. */
  sources: readonly string[];
  bytes: number;
  /** Which files and links are taken, by their path; all of them, where it isn't given. */
  takes?: (path: string) => boolean;
  /** Gives every Nth file a second name. */
  linkEvery?: number;
  signal: AbortSignal;
}

/** Entries between two looks at the event loop: short enough for Ctrl-C, long enough not to cost anything. */
const AT_ONCE = 200;

/**
 * Copies files in sorted order until the volume holds about `bytes`; the same machine gives the same tree.
 * Rejects when `signal` aborts, and when the sources hold no readable file at all.
 */
export async function makeVolume(options: VolumeOptions): Promise<Volume> {
  const { path, sources, bytes, signal } = options;
  const volume: Volume = { path, files: 0, hardLinks: 0, bytes: 0 };
  for (let round = 1; volume.bytes < bytes; round++) {
    const before = volume.bytes;
    for (const source of sources) {
      let entries = 0;
      for (const from of walk(source)) {
        if (volume.bytes >= bytes) break;
        copy(from, join(path, `${round}`, basename(source), from.slice(source.length)), { volume, options });
        if (++entries % AT_ONCE === 0) await setImmediate();
        signal.throwIfAborted();
      }
    }
    if (volume.bytes === before) throw new Error(`There is nothing to copy in ${sources.join(', ')}.`);
  }
  return volume;
}

/** Readable files and symbolic links below a folder, depth first, in the order of their names. */
export function* walk(folder: string): Generator<string> {
  for (const entry of readable(folder).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (entry.isSymbolicLink() || (entry.isFile() && isReadable(path))) yield path;
  }
}

/** Whoever isn't root can't read everything in /usr, and needn't. */
function readable(folder: string): fs.Dirent[] {
  if (!fs.existsSync(folder) || !isReadable(folder)) return [];
  return fs.readdirSync(folder, { withFileTypes: true });
}

function isReadable(path: string): boolean {
  try {
    fs.accessSync(path, fs.constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function copy(from: string, to: string, { volume, options }: { volume: Volume; options: VolumeOptions }) {
  if (options.takes?.(from) === false) return;
  const stat = fs.lstatSync(from);
  if (stat.isSymbolicLink()) {
    fs.mkdirSync(dirname(to), { recursive: true });
    fs.symlinkSync(fs.readlinkSync(from), to);
    return;
  }
  // One huge file would make a volume of one file.
  if (volume.bytes + stat.size > options.bytes * 1.05) return;
  fs.mkdirSync(dirname(to), { recursive: true });
  fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE);
  fs.utimesSync(to, stat.atime, stat.mtime);
  volume.files++;
  volume.bytes += stat.size;
  if (options.linkEvery && volume.files % options.linkEvery === 0) {
    fs.linkSync(to, `${to}.link`);
    volume.hardLinks++;
  }
}
