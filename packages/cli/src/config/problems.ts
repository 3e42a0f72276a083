import type { z } from 'zod';

/** One thing that is wrong in a configuration: where, and a phrase that goes on from there (`must be …`). */
export interface Problem {
  path: readonly PropertyKey[];
  message: string;
}

type Issue = z.core.$ZodIssue;

/** `volumes.photos.path`; a name with other characters is quoted. */
export function pathText(path: readonly PropertyKey[]): string {
  const steps = path.map((step) =>
    /^[\w-]+$/.test(String(step)) ? String(step) : JSON.stringify(String(step)),
  );
  return steps.join('.');
}

/** Zod's issues as problems: one for each unknown key, and one for each name that can't be one. */
export function problemsOf(issues: readonly Issue[]): Problem[] {
  return issues.flatMap(problemsOfIssue);
}

function problemsOfIssue(issue: Issue): Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: [...issue.path, key], message: "isn't a setting" }));
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({
      path: issue.path,
      message: `can't be a name: it ${message}`,
    }));
  return [{ path: issue.path, message: issue.message }];
}

const KINDS: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of settings',
  record: 'a group of names and settings',
};

/** Zod's word for what is wrong in ours. The value itself is never in it: it may be a secret in a wrong place. */
export function words(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is missing' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}`;
    case 'too_small':
      return issue.origin === 'string' ? 'must not be empty' : `must be ${issue.minimum} at least`;
    case 'too_big':
      return `must be ${issue.maximum} at most`;
    default:
      return undefined;
  }
}
