import Mocha from 'mocha';
import type { Report } from './report.ts';

/** A process that has nothing left to do has ended by then. */
const LINGERING_MS = 5_000;

const { EVENT_RUN_END, EVENT_TEST_BEGIN, EVENT_TEST_FAIL, EVENT_TEST_PASS } = Mocha.Runner.constants;

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

const tell = (report: Report) => process.send?.(report);

const firstLine = (error: unknown) => String((error as Error | undefined)?.message ?? error).split('\n')[0];

/** Mocha's usual output, and each test's end as a message to the parent process. */
export default class TellingReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    runner.on(EVENT_TEST_BEGIN, (test) => tell({ test: 'began', title: test.fullTitle() }));
    runner.on(EVENT_TEST_PASS, () => tell({ test: 'passed' }));
    runner.on(EVENT_TEST_FAIL, (test, error) => {
      const message = `${test.fullTitle()}: ${firstLine(error)}`;
      tell({ test: 'failed', failure: { code: 'FAILED', message } });
    });
    runner.once(EVENT_RUN_END, () => {
      tell({ test: 'all ended' });
      setTimeout(tellWhatIsLeft, LINGERING_MS).unref();
    });
  }
}
