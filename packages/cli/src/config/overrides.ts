import type { Config } from '../config.ts';
import { type Problem, pathText } from './problems.ts';

/** A setting that a variable gives. */
interface Given {
  path: readonly string[];
  variable: string;
  value: string;
}

export interface Overrides {
  /** What the file says, with the environment's settings over it. */
  value: unknown;
  /** Problems in words; those of a setting from the environment name its variable. */
  sentence(problems: readonly Problem[]): string;
}

function given(config: Config): Given[] {
  const single: [setting: string, variable: string, value: string | undefined][] = [
    ['listen', 'LONGSHORE_LISTEN', config.listen],
    ['redis', 'LONGSHORE_REDIS_URL', config.redis],
    ['logLevel', 'LONGSHORE_LOG_LEVEL', config.logLevel],
  ];
  const named = (section: 'volumes' | 'destinations', variable: string) =>
    Object.entries(config[section]).map(([name, value]) => ({ path: [section, name], variable, value }));
  return [
    ...single.flatMap(([setting, variable, value]) =>
      value === undefined ? [] : [{ path: [setting], variable, value }],
    ),
    ...named('volumes', 'LONGSHORE_VOLUMES'),
    ...named('destinations', 'LONGSHORE_DESTINATIONS'),
  ];
}

/** Puts the environment's settings over the file's; a volume or destination of the same name is replaced whole. */
export function overlay(said: unknown, config: Config): Overrides {
  const all = given(config);
  // What isn't a group of settings stays as it is, to be refused.
  const value = isGroup(said) ? all.reduce(put, said) : said;
  return { value, sentence: (problems) => sentenceOf(problems, all) };
}

type Group = Record<string, unknown>;

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function put(said: Group, { path: [first, second], value }: Given): Group {
  if (second === undefined) return { ...said, [first]: value };
  const section = said[first] ?? {};
  return isGroup(section) ? { ...said, [first]: { ...section, [second]: value } } : said;
}

function sentenceOf(problems: readonly Problem[], all: readonly Given[]): string {
  const phrases = problems.map(({ path, message }) => {
    const from = all.find((one) => one.path.every((step, at) => step === path[at]));
    const where = from ? [from.variable, ...from.path.slice(1)] : path;
    return `${pathText(where) || 'it'} ${message}`;
  });
  return [...new Set(phrases)].join('; ');
}
