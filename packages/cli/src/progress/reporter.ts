import type { Counters } from '@longshore/shared';

/** Shows how an export gets on. What it writes goes to stderr: stdout is for results. */
export interface Reporter {
  update(counters: Counters): void;
  /** Takes away what was drawn. */
  close(): void;
}

export const silentReporter: Reporter = { update: () => undefined, close: () => undefined };

/** One JSON object a line: `{"event":"progress", …}` with the counters. */
export function jsonReporter(output: NodeJS.WritableStream): Reporter {
  return {
    update: (counters) => output.write(`${JSON.stringify({ event: 'progress', ...counters })}\n`),
    close: () => undefined,
  };
}
