// `npm run bench [-- --pairs N --megabytes N --write]`: an export beside what a user would otherwise run, on the
// same files and to the same place, taking turns, so that whatever else slows the machine slows both.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { tempFolder } from '../test/harness/temp.ts';
import { startS3 } from '../test/harness/versitygw.ts';
import { CONTENDERS, PLACES } from './contenders.ts';
import { makeCorpus } from './corpus.ts';
import { type MeasureOptions, measure } from './measure.ts';
import { type Run, report } from './report.ts';

interface Series {
  pairs: number;
  bytes: number;
  write: boolean;
  signal: AbortSignal;
}

async function bench({ pairs, bytes, write, signal }: Series): Promise<void> {
  await using temp = await tempFolder('bench');
  const folder = temp.path;
  const corpus = await makeCorpus({ path: join(folder, 'corpus'), bytes, signal });
  await using s3 = await startS3({ dir: join(folder, 's3') });
  await s3.bucket('bench');
  const runs: Run[] = [];
  // Round 0 warms the caches up, and doesn't count.
  for (let round = 0; round <= pairs; round++) {
    const measured = await playRound({ folder, environment: s3.env, signal });
    for (const run of measured) console.log(`round ${round}: ${lineOf(run)}`);
    if (round > 0) runs.push(...measured);
  }
  await report({ runs, corpus }, { write });
}

/** Every contender once, each with an empty place to write to. */
async function playRound(options: MeasureOptions): Promise<Run[]> {
  const runs: Run[] = [];
  for (const place of PLACES) {
    for (const { name, script } of CONTENDERS[place]) {
      for (const written of ['out', 's3/bench']) empty(join(options.folder, written));
      runs.push({ place, contender: name, ...(await measure(script, options)) });
    }
  }
  return runs;
}

const lineOf = ({ place, contender, wall, cpu }: Run) =>
  `${contender} to ${place}: ${wall.toFixed(2)} s, ${cpu.toFixed(2)} s of CPU`;

/** Leaves the folder itself: to the S3 server it's a bucket, whose settings are attributes of it. */
function empty(folder: string) {
  if (!existsSync(folder)) mkdirSync(folder);
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
}

function count(option: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new Error(`--${option} takes a whole number from 1 on, not ${text}.`);
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  const { values } = parseArgs({
    options: {
      pairs: { type: 'string', default: '3' },
      megabytes: { type: 'string', default: '1500' },
      write: { type: 'boolean', default: false },
    },
  });
  await bench({
    pairs: count('pairs', values.pairs),
    bytes: count('megabytes', values.megabytes) * 1e6,
    write: values.write,
    signal: interrupt.signal,
  });
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
