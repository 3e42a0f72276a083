import Mocha from 'mocha';
import type { Counts } from './counts.ts';

/** A process that has nothing left to do has ended by then. */
const LINGERING_MS = 5_000;

let threads = 0;
process.on('worker', (thread) => {
  threads++;
  thread.once('exit', () => threads--);
});

/** For whoever has to find out what keeps a suite from ending. */
function tellWhatIsLeft(): void {
  const resources = process.getActiveResourcesInfo();
  console.error(`Still in use after the last test: ${[...resources, `${threads} threads`].join(', ')}`);
}

/** Mocha's usual output, and at the end the counts as a message to the parent process. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const counts: Counts = { passed: passes, failed: failures + pending };
      process.send?.(counts);
      setTimeout(tellWhatIsLeft, LINGERING_MS).unref();
    });
  }
}
