import type { Failure } from './outcome.ts';

/** What a suite's process tells the one that started it, as its tests go. */
export type Report =
  | { test: 'began'; title: string }
  | { test: 'passed' }
  | { test: 'failed'; failure: Failure }
  | { test: 'all ended' };

/** Whether a message from a suite's process is a report. */
export function isReport(message: unknown): message is Report {
  return typeof message === 'object' && message !== null && 'test' in message;
}
