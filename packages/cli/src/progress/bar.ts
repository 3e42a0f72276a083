import { createLogUpdate } from 'log-update';
import type { Reporter } from './reporter.ts';
import type { View } from './view.ts';

const WIDTH = 30;

/**
 * A progress bar for a terminal, of which it only writes: a library that also reads the keys would take Ctrl-C from
 * whoever waits for the signal.
 */
export function barReporter<P>(output: NodeJS.WritableStream, view: View<P>): Reporter<P> {
  const started = Date.now();
  const draw = createLogUpdate(output, { showCursor: true });
  let shown = 0;
  const line = (text: string) => `${'━'.repeat(shown)}${'─'.repeat(WIDTH - shown)} ${text}`;
  draw(line(view.begins));
  return {
    update(made: P): void {
      // The share can fall while planning finds more; a bar that goes back says less than one that waits.
      shown = Math.max(shown, Math.floor(view.share(made) * WIDTH));
      draw(line(view.describe(made, Date.now() - started)));
    },
    close: () => draw.clear(),
  };
}
