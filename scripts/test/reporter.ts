import Mocha from 'mocha';
import type { Counts } from './counts.ts';

/** Mocha's usual output, and at the end the counts as a message to the parent process. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const counts: Counts = { passed: passes, failed: failures + pending };
      process.send?.(counts);
    });
  }
}
