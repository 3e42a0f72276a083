/**
 * The base of every package's one error class. `code` comes from the package's closed union, so that
 * callers and tests branch on it and never on prose; `message` is one sentence that names the bad thing
 * and what to do about it.
 */
export abstract class LongshoreError<Code extends string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** Whether `error` is one of Longshore's own, whichever package threw it. */
export function isLongshoreError(error: unknown): error is LongshoreError<string> {
  return error instanceof LongshoreError;
}

/**
 * What a job leaves behind when it fails. BullMQ keeps only an error's message (`failedReason`), so the
 * code travels in front of it: `CODE: sentence`.
 */
export interface Failure {
  code: string;
  message: string;
}

const FAILURE = /^([A-Z][A-Z0-9_]+): (.*)$/s;

interface ForeignMeaning {
  found: RegExp;
  code: string;
  sentence: (said: string) => string;
}

/**
 * Others' errors that come up in many places and need a sentence that says what to do. Stores and volumes have
 * words of their own for a full disk, so one that comes here in the system's words is the local one.
 */
const FOREIGN: readonly ForeignMeaning[] = [
  {
    // Linux's EDQUOT is 122, and libuv has no name for it.
    found: /^(ENOSPC|EDQUOT|Unknown system error -122):/,
    code: 'SPOOL_FULL',
    sentence: (said) =>
      `The disk for intermediate files is full: make room there, or choose another by --spool or TMPDIR (${said}).`,
  },
  {
    found: /^(MISCONF|OOM) /,
    code: 'REDIS_FULL',
    sentence: (said) => `Redis takes no more data: give it more memory or disk space (${said})`,
  },
];

/** The failure that an error stands for; an error that has no name among ours is `INTERNAL`. */
export function failureOf(error: unknown): Failure {
  if (isLongshoreError(error)) return { code: error.code, message: error.message };
  const said = wordsOf(error);
  const meaning = FOREIGN.find(({ found }) => found.test(said));
  return meaning
    ? { code: meaning.code, message: meaning.sentence(said) }
    : { code: 'INTERNAL', message: said };
}

/** A transaction of Redis is refused as a whole, and only the errors of its commands (as ioredis keeps them) say why. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [first]: unknown[] = 'previousErrors' in error ? [error.previousErrors].flat() : [];
  return first instanceof Error ? first.message : error.message;
}

export function formatFailure({ code, message }: Failure): string {
  return `${code}: ${message}`;
}

/** Reads a job's `failedReason`; a text without a code (BullMQ's own, for example) is `INTERNAL`. */
export function parseFailure(reason: string): Failure {
  const match = FAILURE.exec(reason);
  return match ? { code: match[1], message: match[2] } : { code: 'INTERNAL', message: reason };
}

/** An error of another thread or job: its code and sentence came over, its class and cause did not. */
export class RelayedError extends LongshoreError<string> {
  /** `reason` is what `formatFailure` made. */
  constructor(reason: string) {
    const { code, message } = parseFailure(reason);
    super(code, message);
  }
}
