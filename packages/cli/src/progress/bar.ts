import type { Writable } from 'node:stream';
import { progress } from '@clack/prompts';
import type { Reporter } from './reporter.ts';
import type { View } from './view.ts';

const STEPS = 1_000;

/** A progress bar for a terminal. */
export function barReporter<P>(output: Writable, view: View<P>): Reporter<P> {
  const started = Date.now();
  const bar = progress({ output, max: STEPS, size: 30, style: 'heavy' });
  bar.start(view.begins);
  let shown = 0;
  return {
    update(made: P): void {
      // The share can fall while planning finds more; a bar that goes back says less than one that waits.
      const step = Math.max(0, Math.floor(view.share(made) * STEPS) - shown);
      shown += step;
      bar.advance(step, view.describe(made, Date.now() - started));
    },
    close: () => bar.clear(),
  };
}
