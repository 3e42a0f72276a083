import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { temporary } from '../config.ts';
import type { Outcome } from './outcome.ts';
import { runSuite } from './run-suite.ts';
import type { Suite } from './suites.ts';

/**
 * Suites that run a cluster or a Docker daemon. They mostly wait for it, so they run beside the others; two of
 * them at once would be two daemons that configure one machine's network.
 */
const HEAVY: readonly string[] = ['cluster', 'container', 'operator'];

/** The suites in one or two lanes: those of a lane run one after the other, the lanes beside each other. */
export function inLanes(suites: readonly Suite[]): Suite[][] {
  const isHeavy = ({ name }: Suite) => HEAVY.includes(name);
  const lanes = [suites.filter((suite) => !isHeavy(suite)), suites.filter(isHeavy)];
  return lanes.filter((lane) => lane.length > 0);
}

/**
 * Runs all lanes at once until every suite has ended, or the signal's suites have been interrupted. Outcomes by
 * the suite's name.
 */
export async function runLanes(
  lanes: readonly Suite[][],
  signal: AbortSignal,
): Promise<Map<string, Outcome>> {
  const run = lanes.length === 1 ? runAloud : runAndThenTell;
  return new Map((await Promise.all(lanes.map((lane) => runLane(lane, run, signal)))).flat());
}

async function runLane(lane: readonly Suite[], run: typeof runAloud, signal: AbortSignal) {
  const outcomes: [string, Outcome][] = [];
  for (const suite of lane) {
    if (signal.aborted) break;
    outcomes.push([suite.name, await run(suite, signal)]);
  }
  return outcomes;
}

async function runAloud(suite: Suite, signal: AbortSignal): Promise<Outcome> {
  tellName(suite);
  return runSuite(suite, { signal });
}

/** Two suites' lines aren't mixed: a suite's output is told once it has ended. */
async function runAndThenTell(suite: Suite, signal: AbortSignal): Promise<Outcome> {
  const folder = mkdtempSync(join(temporary, 'longshore-output-'));
  const file = join(folder, suite.name);
  const output = openSync(file, 'w');
  try {
    const outcome = await runSuite(suite, { signal, output });
    tellName(suite);
    process.stdout.write(readFileSync(file));
    return outcome;
  } finally {
    closeSync(output);
    rmSync(folder, { recursive: true });
  }
}

const tellName = ({ name }: Suite) => console.log(`\n== ${name}`);
