import { Installation } from './installation.ts';

/** A first run builds everything. */
const FIRST_RUN_MS = 900_000;

let running: Installation | undefined;

/** The installation that all tests of this suite share. */
export function installation(): Installation {
  if (running) return running;
  throw new Error('The installation is there once the first test runs.');
}

// Root hooks: whichever file of the suite comes first, and once for all of them.
before(async function () {
  this.timeout(FIRST_RUN_MS);
  running = await Installation.start();
});

afterEach(async function () {
  this.timeout(FIRST_RUN_MS);
  if (this.currentTest?.state === 'failed') console.log(await running?.state());
});

after(async function () {
  this.timeout(FIRST_RUN_MS);
  await running?.[Symbol.asyncDispose]();
});
