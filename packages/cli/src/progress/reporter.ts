import type { Progress } from './speed.ts';

/** Shows how something gets on: an export, if nothing else is said. It writes to stderr: stdout is for results. */
export interface Reporter<P = Progress> {
  update(progress: P): void;
  /** Takes away what was drawn. */
  close(): void;
}

export const silentReporter: Reporter<unknown> = { update: () => undefined, close: () => undefined };

/** One JSON object a line: `{"event":"progress", …}` with how far it is. */
export function jsonReporter(output: NodeJS.WritableStream): Reporter<object> {
  return {
    update: (progress) => output.write(`${JSON.stringify({ event: 'progress', ...progress })}\n`),
    close: () => undefined,
  };
}
