/** How a suite went. A test that was left out counts as failed: what doesn't run proves nothing. */
export interface Counts {
  passed: number;
  failed: number;
}

export const PASSED: Counts = { passed: 1, failed: 0 };
export const FAILED: Counts = { passed: 0, failed: 1 };

export function sum(counts: readonly Counts[]): Counts {
  return counts.reduce(
    (total, each) => ({ passed: total.passed + each.passed, failed: total.failed + each.failed }),
    { passed: 0, failed: 0 },
  );
}

/** Whether a message from a suite's process is its counts. */
export function isCounts(message: unknown): message is Counts {
  return typeof message === 'object' && message !== null && 'passed' in message && 'failed' in message;
}
