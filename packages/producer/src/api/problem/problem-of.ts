import { STATUS_CODES } from 'node:http';
import { failureOf, type Problem } from '@longshore/shared';
import { z } from 'zod';
import { isProblemCode, PROBLEMS, type ProblemCode } from './table.ts';

/** express, body-parser and their like name their errors by `type` (body-parser, "Errors"). */
const BY_TYPE: Readonly<Record<string, { code: ProblemCode; detail: string }>> = {
  'entity.parse.failed': { code: 'BAD_JSON', detail: '' },
  'request.aborted': { code: 'BAD_JSON', detail: '' },
  'request.size.invalid': { code: 'BAD_JSON', detail: '' },
  'entity.too.large': { code: 'BODY_TOO_LARGE', detail: 'The body is larger than this server takes.' },
  'encoding.unsupported': {
    code: 'UNSUPPORTED_BODY',
    detail: "The body's Content-Encoding isn't known here.",
  },
  'charset.unsupported': { code: 'UNSUPPORTED_BODY', detail: 'The body must be UTF-8.' },
};

/** How many of a request's faults are listed: a thousand bad patterns are one mistake. */
const MAX_FAULTS = 20;

/** The document that an error is answered with. Nothing of the server's insides is in it. */
export function problemOf(error: unknown, requestId: string | undefined): Problem {
  if (error instanceof z.ZodError) return invalid(error, requestId);
  const { code, message } = meaningOf(error);
  const { detail } = PROBLEMS[code];
  return problem(code, { detail: detail ?? message, requestId });
}

interface Rest {
  detail: string;
  requestId: string | undefined;
  errors?: Problem['errors'];
}

function problem(code: ProblemCode, rest: Rest): Problem {
  const { status } = PROBLEMS[code];
  // With about:blank the title is the status's own phrase (RFC 9457, section 4.2.1).
  return { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, code, ...rest };
}

function meaningOf(error: unknown): { code: ProblemCode; message: string } {
  const named = httpMeaningOf(error);
  if (named) return named;
  const { code, message } = failureOf(error);
  return isProblemCode(code) ? { code, message } : { code: 'INTERNAL', message: '' };
}

/** What express and body-parser throw: a known type, or a path that can't be decoded, or a broken gzip stream. */
function httpMeaningOf(error: unknown): { code: ProblemCode; message: string } | undefined {
  if (!(error instanceof Error)) return undefined;
  const type: unknown = Reflect.get(error, 'type');
  const known = typeof type === 'string' ? BY_TYPE[type] : undefined;
  if (known) return { code: known.code, message: known.detail };
  const status: unknown = Reflect.get(error, 'status');
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  return { code: 'BAD_REQUEST', message: "The request can't be read: its path or its body is damaged." };
}

function invalid({ issues }: z.ZodError, requestId: string | undefined): Problem {
  const errors = issues
    .slice(0, MAX_FAULTS)
    .map((issue) => ({ path: shorten(issue.path.join('.'), MAX_SHOWN), message: faultOf(issue) }));
  const [{ path, message }] = errors;
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : '';
  return problem('BAD_REQUEST', { detail: `${path}: ${message}${more}`, requestId, errors });
}

/** Of what a caller sent, a message shows the beginning. */
const MAX_SHOWN = 100;
const MAX_SAID = 300;

const shorten = (text: string, length: number) => (text.length > length ? `${text.slice(0, length)}…` : text);

function faultOf({ message, input }: z.core.$ZodIssue): string {
  const isShown = typeof input === 'string' || typeof input === 'number' || typeof input === 'boolean';
  const value = isShown ? `${shorten(JSON.stringify(input), MAX_SHOWN)}: ` : '';
  return value + shorten(message, MAX_SAID);
}
