// Makes a fresh checkout ready: `node scripts/setup.mjs start|demo|test|bench|cluster`.
//
// Plain JavaScript for Node 20, and free of dependencies, because it runs before there are any: it is what
// brings `node_modules` and, in it, the Node that everything else runs on.
import { SetupError } from './setup/error.mjs';
import { PURPOSES } from './setup/purposes.mjs';
import { runSteps } from './setup/run-steps.mjs';
import { steps } from './setup/steps.mjs';

try {
  const purpose = PURPOSES.find((known) => known === process.argv[2]);
  if (!purpose) throw new SetupError(`Say what to set up for: ${PURPOSES.join(', ')}.`);
  runSteps(steps.filter((step) => step.purposes.includes(purpose)));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\nset-up stopped: ${error.message}`);
  process.exitCode = 1;
}
