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

/** The failure that an error stands for; an error that isn't Longshore's own is `INTERNAL`. */
export function failureOf(error: unknown): Failure {
  if (isLongshoreError(error)) return { code: error.code, message: error.message };
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) };
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
