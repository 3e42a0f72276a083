// `npm run bench:slow-volume [-- --delay MS --files N --threads N,N --rounds N --write --into FOLDER]`: exports of
// many small files from a mount that takes a while longer for each call, with more and more threads. Needs root.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from '../scripts/config.ts';
import { tempFolder } from '../test/harness/temp.ts';
import { builtLongshore } from './built-longshore.ts';
import { machine } from './machine.ts';
import { publish } from './publish.ts';
import type { SlowVolumeResult } from './results.ts';
import { slowVolumeTable } from './slow-volume/section.ts';
import { makeFiles, measureSlowly, type Reader, type SlowRun } from './slow-volume/slow-export.ts';
import { wholeNumber } from './whole-number.ts';

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  const { values } = parseArgs({
    options: {
      delay: { type: 'string', default: '2' },
      files: { type: 'string', default: '4096' },
      threads: { type: 'string', default: '1,2,4,8,16' },
      rounds: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
      into: { type: 'string', default: `${root}docs` },
    },
  });
  const delayMs = wholeNumber('delay', values.delay);
  const readers: Reader[] = [
    ...values.threads.split(',').map((text) => wholeNumber('threads', text)),
    'pipe',
  ];
  const rounds = wholeNumber('rounds', values.rounds);
  await using temp = await tempFolder('bench-slow');
  const contents = makeFiles(`${temp.path}/files`, wholeNumber('files', values.files));
  const environment = await builtLongshore();
  const options = { folder: temp.path, environment, signal: interrupt.signal, delayMs };
  const runs: SlowRun[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const reader of readers) {
      const run = await measureSlowly(reader, options);
      console.log(`round ${round}: ${reader}: ${run.wall.toFixed(1)} s, ${run.cpu.toFixed(1)} s of CPU`);
      runs.push(run);
    }
  }
  const taken = { date: new Date().toISOString(), machine: machine() };
  const slowVolume: SlowVolumeResult = { ...taken, ...contents, delayMs, runs };
  console.log(`\n${slowVolumeTable(runs)}\n\n${taken.machine}`);
  if (values.write) await publish({ slowVolume }, resolve(values.into));
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
