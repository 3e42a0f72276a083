// `npm test [-- NAME...]`: lint, types and every suite; the last lines say what failed, and how many
// tests passed and failed in all.

import { inLanes, runLanes } from './test/lanes.ts';
import { summary } from './test/outcome.ts';
import { findSuites, pickSuites } from './test/suites.ts';

const suites = findSuites();
const { picked, unknown } = pickSuites(suites, process.argv.slice(2));
if (unknown.length > 0) {
  const known = suites.map(({ name }) => name).join(', ');
  console.error(`There's no suite ${unknown.join(', ')}. The suites are: ${known}.`);
  process.exit(2);
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupt.abort());

const outcomes = await runLanes(inLanes(picked), interrupt.signal);
const failed = outcomes.values().some(({ failures }) => failures.length > 0);
process.exitCode = failed || interrupt.signal.aborted ? 1 : 0;
console.log(summary(outcomes));
