import { writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import prettyBytes from 'pretty-bytes';
import { root } from '../scripts/config.ts';
import type { Volume } from '../scripts/volume.ts';
import { type Contender, PLACES, type Place } from './contenders.ts';
import type { Measurement } from './measure.ts';

export interface Run extends Measurement {
  place: Place;
  contender: Contender['name'];
}

export interface Bench {
  runs: readonly Run[];
  corpus: Volume;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export const machine = () =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, ${prettyBytes(totalmem(), { binary: true })}, ` +
  `Linux ${release()}, Node ${process.versions.node}`;

/** Medians of one contender's runs to one place. */
function medians({ runs }: Bench, place: Place, contender: Contender['name']): Measurement {
  const own = runs.filter((run) => run.place === place && run.contender === contender);
  return {
    wall: median(own.map(({ wall }) => wall)),
    cpu: median(own.map(({ cpu }) => cpu)),
    peakBytes: median(own.map(({ peakBytes }) => peakBytes)),
  };
}

function rows(bench: Bench, place: Place): string[] {
  const longshore = medians(bench, place, 'longshore');
  const pipe = medians(bench, place, 'pipe');
  const line = (name: string, { wall, cpu, peakBytes }: Measurement) =>
    `| ${place} | ${name} | ${wall.toFixed(2)} s | ${cpu.toFixed(2)} s | ${prettyBytes(peakBytes)} |`;
  const ratios = [pipe.wall / longshore.wall, pipe.cpu / longshore.cpu, pipe.peakBytes / longshore.peakBytes];
  return [
    line('longshore', longshore),
    line('tar \\| zstd', pipe),
    `| ${place} | **ratio** | ${ratios.map((ratio) => `**${ratio.toFixed(2)}**`).join(' | ')} |`,
  ];
}

/** The figures as a Markdown table. */
export function table(bench: Bench): string {
  const head = ['| to | | wall | CPU | peak memory |', '| --- | --- | ---: | ---: | ---: |'];
  return [...head, ...PLACES.flatMap((place) => rows(bench, place))].join('\n');
}

/** The page that `--write` puts into docs/. */
export function page(bench: Bench): string {
  const { corpus, runs } = bench;
  const pairs = runs.length / PLACES.length / 2;
  return `# Benchmarks

Written by \`npm run bench -- --write\` on ${new Date().toISOString().slice(0, 10)}.

${table(bench)}

Medians of ${pairs} runs each, in turns (A B A B), after a warm-up. A ratio above 1 means that Longshore took less.
\`longshore export\` had two workers of one thread, its own Redis included; \`tar -cf - . | zstd -3 -T0\` wrote a file,
or was piped to an S3 uploader with parts of 50 MB, five at a time. The S3 server (versitygw) ran on the same machine
and isn't counted. Memory is the highest sum of all processes' resident sets, so that what they share (Node's
program text, above all) counts more than once.

- Corpus: ${corpus.files.toLocaleString('en')} files of a Debian system's /usr, ${prettyBytes(corpus.bytes)}.
- Machine: ${machine()}.
`;
}

/** Prints the table; with `write` it also replaces docs/benchmarks.md and docs/benchmarks.json. */
export async function report(bench: Bench, { write }: { write: boolean }): Promise<void> {
  console.log(`\n${table(bench)}\n\n${machine()}`);
  if (!write) return;
  const { path: _, ...corpus } = bench.corpus;
  const figures = { date: new Date().toISOString(), machine: machine(), corpus, runs: bench.runs };
  const [text, json] = ['docs/benchmarks.md', 'docs/benchmarks.json'].map((path) => join(root, path));
  await writeFile(text, page(bench));
  await writeFile(json, JSON.stringify(figures));
  // Lint looks at documents too.
  await execa(process.execPath, [
    join(root, 'node_modules/@biomejs/biome/bin/biome'),
    'format',
    '--write',
    text,
    json,
  ]);
}
