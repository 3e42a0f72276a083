// `npm run bench:planning [-- --rounds N --write --into FOLDER]`: how many entries of a local volume a second
// are planned, beside `find`.
import { glob } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/config.ts';
import { tempFolder } from '../test/harness/temp.ts';
import { smallFiles } from './corpora/small-files.ts';
import { machine } from './machine.ts';
import { measurePlanning, type PlanningRun } from './planning/plan-volume.ts';
import { planningTable } from './planning/section.ts';
import { publish } from './publish.ts';
import type { PlanningResult } from './results.ts';
import { wholeNumber } from './whole-number.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      write: { type: 'boolean', default: false },
      into: { type: 'string', default: `${root}docs` },
    },
  });
  const rounds = wholeNumber('rounds', values.rounds);
  const { signal } = interrupt;
  await using temp = await tempFolder('bench-planning');
  const volume = join(temp.path, 'volume');
  await smallFiles.make({ path: volume, scale: 1, signal });
  const entries = 1 + (await Array.fromAsync(glob('**/*', { cwd: volume }))).length;
  const options = { folder: temp.path, environment: {}, signal };
  const runs: PlanningRun[] = [];
  // Round 0 warms the caches up, and doesn't count.
  for (let round = 0; round <= rounds; round++) {
    const run = await measurePlanning(options);
    console.log(`round ${round}: planning ${run.plan.toFixed(2)} s, find ${run.find.toFixed(2)} s`);
    if (round > 0) runs.push(run);
  }
  const taken = { date: new Date().toISOString(), machine: machine() };
  const planning: PlanningResult = { ...taken, entries, runs };
  console.log(`\n${planningTable(planning)}\n\n${taken.machine}`);
  if (values.write) await publish({ planning }, resolve(values.into));
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
