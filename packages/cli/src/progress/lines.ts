import type { Reporter } from './reporter.ts';
import type { View } from './view.ts';

/** Off a terminal, in a log: a line every so often is enough. */
const LINE_EVERY_MS = 10_000;

/** Plain lines, one every ten seconds. */
export function lineReporter<P>(output: NodeJS.WritableStream, view: View<P>): Reporter<P> {
  const started = Date.now();
  let next = started + LINE_EVERY_MS;
  return {
    update(progress: P): void {
      const now = Date.now();
      if (now < next) return;
      next = now + LINE_EVERY_MS;
      output.write(
        `${(view.share(progress) * 100).toFixed(0)} %: ${view.describe(progress, now - started)}\n`,
      );
    },
    close: () => undefined,
  };
}
