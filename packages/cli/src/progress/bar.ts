import type { Writable } from 'node:stream';
import { progress } from '@clack/prompts';
import type { Counters } from '@longshore/shared';
import type { Reporter } from './reporter.ts';
import { describe, share } from './speed.ts';

const STEPS = 1_000;

/** A progress bar for a terminal. */
export function barReporter(output: Writable): Reporter {
  const started = Date.now();
  const bar = progress({ output, max: STEPS, size: 30, style: 'heavy' });
  bar.start('Planning');
  let shown = 0;
  return {
    update(counters: Counters): void {
      // The share can fall while planning finds more; a bar that goes back says less than one that waits.
      const step = Math.max(0, Math.floor(share(counters) * STEPS) - shown);
      shown += step;
      bar.advance(step, describe(counters, Date.now() - started));
    },
    close: () => bar.clear(),
  };
}
