import prettyBytes from 'pretty-bytes';
import { CONTENDER_NAMES, type ContenderName, contendersWith } from './contenders.ts';
import { coordinationSection } from './coordination/section.ts';
import { CORPORA, CORPUS_NAMES, type CorpusName } from './corpora/corpora.ts';
import { planningSection } from './planning/section.ts';
import { type CorpusResult, type Figures, mediansOf, type Results } from './results.ts';
import { slowVolumeSection } from './slow-volume/section.ts';
import { isReached, type Medians, type Target, targetsOf } from './targets.ts';

// Titles don't name the programs' places.
const CONTENDERS = contendersWith({ s5cmd: 's5cmd' });

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;

/** One corpus's medians as a Markdown table, each contender beside the one that it's held against. */
export function figuresTable(medians: Medians): string {
  const rows = CONTENDER_NAMES.filter((name) => medians[name]).map((name) => figuresRow(name, medians));
  return [
    row(['', 'wall', 'CPU', 'peak memory', 'archive', 'pipe’s wall ÷ its own']),
    row(['---', '---:', '---:', '---:', '---:', '---:']),
    ...rows,
  ].join('\n');
}

function figuresRow(name: ContenderName, medians: Medians): string {
  const { title, beside } = CONTENDERS[name];
  const own = medians[name]!;
  const other = medians[beside];
  const ratio = other ? (other.wall / own.wall).toFixed(2) : '';
  const { wall, cpu, peakBytes, archiveBytes } = own;
  return row([title, seconds(wall), seconds(cpu), prettyBytes(peakBytes), prettyBytes(archiveBytes), ratio]);
}

const seconds = (figure: number) => `${figure.toFixed(2)} s`;

/** What is to be reached, beside what was; empty where those that it's asked of took no part. */
export function targetsTable(corpus: CorpusName, medians: Medians): string {
  const rows = targetsOf(corpus).flatMap((target) => targetRow(target, medians));
  if (rows.length === 0) return '';
  return [row(['', 'target', 'measured']), row(['---', '---:', '---']), ...rows].join('\n');
}

function targetRow(target: Target, medians: Medians): string[] {
  const other = medians[target.beside];
  if (!other) return [];
  const measured = target.of.flatMap((name) => {
    const own = medians[name];
    return own ? [measuredCell(target, { name, own, other })] : [];
  });
  const { title, atLeast, atMost } = target;
  const limit = atLeast === undefined ? `≤ ${shown(target, atMost!)}` : `≥ ${shown(target, atLeast)}`;
  return measured.length > 0 ? [row([title, limit, measured.join('; ')])] : [];
}

interface Measured {
  name: ContenderName;
  own: Figures;
  other: Figures;
}

/** Bold where it's reached. */
function measuredCell(target: Target, { name, own, other }: Measured): string {
  const value = target.value(own, other);
  const text = shown(target, value);
  const share = /(\d+)x(\d+)/.exec(name);
  const whose = target.of.length > 1 && share ? ` (${share[1]} × ${share[2]})` : '';
  return `${isReached(target, value) ? `**${text}**` : text}${whose}`;
}

const shown = ({ unit }: Target, value: number) =>
  unit ? `${value.toFixed(0)} ${unit}` : Number(value.toPrecision(3)).toFixed(2);

function section(name: CorpusName, result: CorpusResult): string {
  const { title, about } = CORPORA[name];
  const { files, bytes, pairs, date, machine } = result;
  const medians = mediansOf(result);
  return `## ${title}

${figuresTable(medians)}

${targetsTable(name, medians)}

- ${files.toLocaleString('en')} files, ${prettyBytes(bytes)}: ${about}.
- ${pairs} rounds, on ${date.slice(0, 10)}. Machine: ${machine}.
`;
}

/** The page that `--write` puts into docs/. */
export function page({ corpora, coordination, planning, slowVolume }: Results): string {
  const sections = CORPUS_NAMES.flatMap((name) => {
    const result = corpora[name];
    return result ? [section(name, result)] : [];
  });
  if (coordination) sections.push(coordinationSection(coordination));
  if (planning) sections.push(planningSection(planning));
  if (slowVolume) sections.push(slowVolumeSection(slowVolume));
  return `# Benchmarks

Written by \`npm run bench -- --write\`, which measures all of this anew; the single runs are in
[benchmarks.json](benchmarks.json).

In a round each contender has its turn (A B C A B C), after a warm-up round that doesn't count. Times are of the
whole command: that of \`longshore export\` starts its own Redis and its workers, and ends them. The S3 server
(versitygw) runs on the same machine and isn't counted. Memory is the highest sum of all processes' resident sets, so
that what they share (Node's program text, above all) counts more than once; without Redis it's what Longshore's own
processes have. \`restic\` writes a repository, which was made before the clock started, and not an archive; its size
is the repository's. The last column says how many times as long the pipe took that goes to the same place in the same
format: above 1, the row's contender was quicker. Below are the targets, for two cores, with what reaches them in
**bold**; (2 × 1) is two workers of one thread each.

${sections.join('\n')}`;
}
