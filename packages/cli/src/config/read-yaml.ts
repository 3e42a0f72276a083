import { readFile } from 'node:fs/promises';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { CliError } from '../error.ts';
import { type Problem, pathText, problemsOf, words } from './problems.ts';

/** No configuration is larger; a device or a log that was named by mistake is. */
const MAX_BYTES = 4 * 2 ** 20;

/** Aliases of aliases can make gigabytes of a few lines. */
const MAX_ALIASES = 100;

/** What users get wrong most, by the parser's codes. Its own messages may quote the file, secrets included. */
const SYNTAX: Record<string, string> = {
  BAD_INDENT: 'the indentation is wrong',
  DUPLICATE_KEY: 'a setting is there twice',
  MISSING_CHAR: 'a quote, bracket or colon is missing',
  MULTIPLE_DOCS: 'there is a second document',
  TAB_AS_INDENT: 'tabs are no indentation',
  UNEXPECTED_TOKEN: 'something is out of place',
};

/** The text of a configuration file. USAGE where it can't be read. */
export async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? "isn't there" : `can't be read (${cause.code})`;
    throw new CliError('USAGE', `The configuration file ${file} ${why}.`, { cause });
  });
  if (bytes.length <= MAX_BYTES) return bytes.toString();
  throw new CliError('USAGE', `The configuration file ${file} is larger than 4 MiB: is it the right one?`);
}

/** What a text in YAML, or in JSON, says. USAGE where it's neither, without a word of it. */
export function parseText(text: string, file: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines, logLevel: 'error' });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    const what = SYNTAX[error.code] ?? error.code;
    throw refusal(file, `it isn't YAML or JSON: line ${line}, column ${col}: ${what}`);
  }
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    // Without the cause: it names the alias, which may be a password with a * in front.
    throw refusal(
      file,
      'an alias (*NAME) in it has no anchor (&NAME), or there are too many; quote a text that begins with *',
    );
  }
}

/** Checks what a file says, and gives every problem at once: USAGE. */
export async function check<T extends z.ZodType>(
  schema: T,
  value: unknown,
  file: string,
): Promise<z.output<T>> {
  const parsed = await schema.safeParseAsync(value ?? {}, { error: words });
  if (parsed.success) return parsed.data;
  throw refusal(file, sentence(problemsOf(parsed.error.issues)));
}

export function sentence(problems: readonly Problem[]): string {
  const all = problems.map(({ path, message }) => `${pathText(path) || 'it'} ${message}`);
  return [...new Set(all)].join('; ');
}

export function refusal(file: string, said: string): CliError {
  return new CliError('USAGE', `${file} can't be used: ${said}.`);
}
