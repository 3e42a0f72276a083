// `npm run bench [-- --corpus NAME --contender NAME --pairs N --scale F --write --into FOLDER]`: an export beside what
// a user would otherwise run, on the same files and to the same place, taking turns, so that whatever else slows the
// machine slows all of them.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '../test/harness/temp.ts';
import { builtTool } from '../test/harness/tools.ts';
import { startS3 } from '../test/harness/versitygw.ts';
import { bytesOf } from './archive-size.ts';
import { builtLongshore } from './built-longshore.ts';
import { BUCKET, type Contender, type ContenderName, contendersWith, environmentFor } from './contenders.ts';
import { CORPORA, type CorpusName } from './corpora/corpora.ts';
import { machine } from './machine.ts';
import { type MeasureOptions, measure, prepare } from './measure.ts';
import { type Options, readOptions } from './options.ts';
import { report } from './report.ts';
import type { CorpusResult, Run } from './results.ts';

interface Series extends Options {
  /** With which scripts call the built `longshore`. */
  built: { PATH: string };
  signal: AbortSignal;
}

/** One corpus, which is gone when this resolves. */
async function benchCorpus(name: CorpusName, series: Series): Promise<CorpusResult> {
  const { pairs, scale, built, signal } = series;
  await using temp = await tempFolder('bench');
  const folder = temp.path;
  console.log(`${name}: making the corpus`);
  const { files, bytes } = await CORPORA[name].make({ path: join(folder, 'corpus'), scale, signal });
  await using s3 = await startS3({ dir: join(folder, 's3') });
  await s3.bucket(BUCKET);
  const runs = await playRounds(series, { folder, environment: { ...environmentFor(s3), ...built }, signal });
  return { date: new Date().toISOString(), machine: machine(), files, bytes, pairs, runs };
}

/** Every round but the first one, which warms the caches up and doesn't count. */
async function playRounds({ pairs, contenders }: Series, options: MeasureOptions): Promise<Run[]> {
  const known = contendersWith({ s5cmd: await builtTool('s5cmd') });
  const runs: Run[] = [];
  for (let round = 0; round <= pairs; round++) {
    for (const contender of contenders) {
      const run = await play(contender, known[contender], options);
      console.log(`round ${round}: ${lineOf(run)}`);
      if (round > 0) runs.push(run);
    }
  }
  return runs;
}

/** One turn, with an empty place to write to. */
async function play(name: ContenderName, contender: Contender, options: MeasureOptions): Promise<Run> {
  for (const written of ['out', `s3/${BUCKET}`]) empty(join(options.folder, written));
  if (contender.prepare !== undefined) await prepare(contender.prepare, options);
  const measured = await measure(contender.script, options);
  return { contender: name, ...measured, archiveBytes: bytesOf(join(options.folder, contender.archive)) };
}

const lineOf = ({ contender, wall, cpu }: Run) =>
  `${contender}: ${wall.toFixed(2)} s, ${cpu.toFixed(2)} s of CPU`;

/** Leaves the folder itself: to the S3 server it's a bucket, whose settings are attributes of it. */
function empty(folder: string) {
  if (!existsSync(folder)) mkdirSync(folder);
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  const options = readOptions();
  const built = await builtLongshore();
  for (const name of options.corpora) {
    const result = await benchCorpus(name, { ...options, built, signal: interrupt.signal });
    await report(name, result, options.into);
  }
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
