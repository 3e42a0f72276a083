// `node_modules/.bin/node bench/restore.ts [--pairs N --megabytes N]`: restoring and verifying an archive beside what
// a user would otherwise run, on the same archive, taking turns.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import prettyBytes from 'pretty-bytes';
import { tempFolder } from '../test/harness/temp.ts';
import { builtLongshore } from './built-longshore.ts';
import { makeMixed } from './corpora/mixed.ts';
import { machine } from './machine.ts';
import { type Measurement, type MeasureOptions, measure } from './measure.ts';
import { median } from './median.ts';

/** By name: bash scripts, run in a folder with `archives/bench.tar.zst`, given an empty folder for what is restored. */
const CONTENDERS: Readonly<Record<string, (out: string) => string>> = {
  'longshore restore': (out) => `longshore restore archives/bench.tar.zst ${out}/restored`,
  'zstd -dc \\| tar -x': (out) => `zstd -dcq archives/bench.tar.zst | tar -C ${out} -xpf -`,
  'longshore verify': () => 'longshore verify archives/bench.tar.zst',
  'zstd -t': () => 'zstd -tq archives/bench.tar.zst',
};

type Runs = Map<string, Measurement[]>;

async function bench({ pairs, bytes, signal }: { pairs: number; bytes: number; signal: AbortSignal }) {
  await using temp = await tempFolder('bench');
  const options: MeasureOptions = { folder: temp.path, environment: await builtLongshore(), signal };
  const corpus = await makeMixed({ path: join(temp.path, 'corpus'), bytes, signal });
  await measure('longshore export corpus --to archives --name bench --quiet', options);
  const runs: Runs = new Map(Object.keys(CONTENDERS).map((name) => [name, []]));
  // Round 0 warms the caches up, and doesn't count.
  for (let round = 0; round <= pairs; round++)
    await playRound(options, { round, runs: round === 0 ? new Map() : runs });
  console.log(`\n${table(runs)}\n\n${corpus.files} files, ${prettyBytes(corpus.bytes)}; ${machine()}`);
}

/**
 * What was restored stays until the end: for some minutes ext4 gives no inode again that was deleted, and looks at each
 * of them whenever it makes one, which took more time than all the rest.
 */
async function playRound(
  options: MeasureOptions,
  { round, runs }: { round: number; runs: Runs },
): Promise<void> {
  for (const [number, [name, script]] of Object.entries(CONTENDERS).entries()) {
    const out = `out-${round}-${number}`;
    mkdirSync(join(options.folder, out));
    const measured = await measure(script(out), options);
    console.log(`${name}: ${measured.wall.toFixed(2)} s, ${measured.cpu.toFixed(2)} s of CPU`);
    runs.get(name)?.push(measured);
  }
}

function table(runs: Runs): string {
  const middle = (all: readonly Measurement[], of: keyof Measurement) => median(all.map((one) => one[of]));
  const rows = [...runs].map(
    ([name, all]) =>
      `| ${name} | ${middle(all, 'wall').toFixed(2)} s | ${middle(all, 'cpu').toFixed(2)} s | ${prettyBytes(middle(all, 'peakBytes'))} |`,
  );
  return ['| | wall | CPU | peak memory |', '| --- | ---: | ---: | ---: |', ...rows].join('\n');
}

const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt.abort());

try {
  const { values } = parseArgs({
    options: { pairs: { type: 'string', default: '3' }, megabytes: { type: 'string', default: '1500' } },
  });
  const [pairs, bytes] = [Number(values.pairs), Number(values.megabytes) * 1e6];
  await bench({ pairs, bytes, signal: interrupt.signal });
} catch (error) {
  console.error(interrupt.signal.aborted ? 'Interrupted.' : error);
  process.exitCode = interrupt.signal.aborted ? 130 : 1;
}
