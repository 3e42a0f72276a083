import { isUtf8 } from 'node:buffer';
import picomatch from 'picomatch';
import { TapeError } from './error.ts';

/** Whether a path (relative to the root, without a leading `./`) is left out of the archive, with all below it. */
export type Excluder = (path: Buffer, isDirectory: boolean) => boolean;

const OPTIONS = {
  // A pattern means what it says: `*` is any name, hidden or not.
  dot: true,
  strictBrackets: true,
  // Throw for what isn't a regular expression, instead of matching nothing.
  debug: true,
  // A name may hold a newline: `**` reaches past it.
  flags: 's',
} as const;

/** What no pattern may look like, and what to write instead. */
const MISTAKES: readonly { found: RegExp; instead: string }[] = [
  { found: /^\s*$/, instead: 'write a path relative to the root of the volume, such as cache or **/*.tmp' },
  { found: /^\//, instead: 'write it relative to the root of the volume, without the leading /' },
  { found: /(^|\/)\.\.(\/|$)/, instead: 'write a path below the root of the volume, without ..' },
  { found: /^\.?\/*$/, instead: 'name what is below the root: the root itself is always archived' },
  { found: /\/\/|\/\.(\/|$)/, instead: 'write each name once, without // and /./, which no path contains' },
  { found: /^!(?!\()/, instead: 'name what to leave out; for a name that starts with ! write \\!' },
];

interface Rule {
  matches: RegExp;
  /** Written with a trailing slash: `build/` leaves a file of that name alone. */
  directoriesOnly: boolean;
}

const excludeNothing: Excluder = () => false;

/**
 * Compiles glob patterns: picomatch's syntax, case-sensitive; `*` stays within a name, `**` doesn't. A pattern is
 * matched against the whole path, so that `*.log` is a log file in the root only. What matches a directory
 * leaves out everything below it. Names that aren't UTF-8 are matched as if they were Latin-1 text.
 *
 * Throws TapeError BAD_EXCLUDE, which names the pattern and what to write instead.
 */
export function compileExcludes(patterns: readonly string[]): Excluder {
  const rules = patterns.map(compileRule);
  if (rules.length === 0) return excludeNothing;
  return (path, isDirectory) => {
    const text = textOf(path);
    return rules.some((rule) => (isDirectory || !rule.directoriesOnly) && rule.matches.test(text));
  };
}

function textOf(path: Buffer): string {
  return path.toString(isUtf8(path) ? 'utf8' : 'latin1');
}

function compileRule(pattern: string): Rule {
  const mistake = MISTAKES.find(({ found }) => found.test(pattern));
  if (mistake !== undefined) throw badExclude(pattern, mistake.instead);
  const name = pattern.replace(/\/$/, '');
  return { matches: compileGlob(pattern, name), directoriesOnly: name !== pattern };
}

function compileGlob(pattern: string, name: string): RegExp {
  try {
    return picomatch.makeRe(name, OPTIONS);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badExclude(pattern, `close its brackets, or put a \\ before them (${reason})`, error);
  }
}

function badExclude(pattern: string, instead: string, cause?: unknown): TapeError {
  return new TapeError(
    'BAD_EXCLUDE',
    `Exclude pattern ${JSON.stringify(pattern)} can't be used: ${instead}`,
    {
      cause,
    },
  );
}
