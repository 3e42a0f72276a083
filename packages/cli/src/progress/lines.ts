import type { Counters } from '@longshore/shared';
import type { Reporter } from './reporter.ts';
import { describe, share } from './speed.ts';

/** Off a terminal, in a log: a line every so often is enough. */
const LINE_EVERY_MS = 10_000;

/** Plain lines, one every ten seconds. */
export function lineReporter(output: NodeJS.WritableStream): Reporter {
  const started = Date.now();
  let next = started + LINE_EVERY_MS;
  return {
    update(counters: Counters): void {
      const now = Date.now();
      if (now < next) return;
      next = now + LINE_EVERY_MS;
      output.write(`${(share(counters) * 100).toFixed(0)} %: ${describe(counters, now - started)}\n`);
    },
    close: () => undefined,
  };
}
