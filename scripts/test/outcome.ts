/** Why a suite failed: one of its tests did, or its process didn't behave. */
export interface Failure {
  code: 'FAILED' | 'NO_REPORT' | 'TOO_LONG' | 'HUNG' | 'LEFT_PROCESSES';
  /** One line, which names the test where it's about one. */
  message: string;
}

/** How a suite went. */
export interface Outcome {
  passed: number;
  failures: Failure[];
}

/** The lines that end a run: what failed, and how many tests passed and failed in all. */
export function summary(outcomes: ReadonlyMap<string, Outcome>): string {
  const all = [...outcomes];
  const failures = all.flatMap(([suite, { failures }]) =>
    failures.map(({ message }) => `  ${suite}: ${message}`),
  );
  const passed = all.reduce((total, [, outcome]) => total + outcome.passed, 0);
  const told = failures.length > 0 ? ['', 'What failed:', ...failures] : [];
  return [...told, '', `${passed} passed, ${failures.length} failed`].join('\n');
}
