import { Daemon } from './daemon.ts';
import { buildImages } from './images.ts';

/** A first run fetches and builds everything; another may wait for one in another checkout. */
const FIRST_RUN_MS = 900_000;

let running: Daemon | undefined;

/** The daemon that all tests of this suite share, with the images built, in a network of its own. */
export function daemon(): Daemon {
  if (running) return running;
  throw new Error('The daemon is there once the first test runs.');
}

// Root hooks: whichever file of the suite comes first, and once for all of them.
before(async function () {
  this.timeout(FIRST_RUN_MS);
  await using builder = await Daemon.start('machine');
  await buildImages(builder);
  await builder[Symbol.asyncDispose]();
  running = await Daemon.start('own');
});

after(async function () {
  this.timeout(FIRST_RUN_MS);
  await running?.[Symbol.asyncDispose]();
});
