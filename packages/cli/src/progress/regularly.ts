import type { Reporter } from './reporter.ts';

const REPORT_EVERY_MS = 250;

/** Reports what `progressOf` says now, then every quarter of a second, and once more when it's disposed of; `reporter` stays open. */
export function reportRegularly<P>(progressOf: () => P, reporter: Reporter<P>): Disposable {
  const report = () => reporter.update(progressOf());
  report();
  const timer = setInterval(report, REPORT_EVERY_MS);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      report();
    },
  };
}
