import { median } from '../median.ts';
import type { PlanningResult } from '../results.ts';

/** Entries a second that planning has to get through, on a local disk. */
const TARGET = 100_000;

const whole = (figure: number) => Math.round(figure).toLocaleString('en');

/** Medians of planning beside those of `find`, as a Markdown table. */
export function planningTable({ entries, runs }: Pick<PlanningResult, 'entries' | 'runs'>): string {
  const plan = median(runs.map((run) => run.plan));
  const find = median(runs.map((run) => run.find));
  const rate = entries / plan;
  const reached = rate >= TARGET ? `**${whole(rate)}**` : whole(rate);
  return [
    '| | wall | entries a second | target | find’s wall ÷ its own |',
    '| --- | ---: | ---: | ---: | ---: |',
    `| planning | ${plan.toFixed(2)} s | ${reached} | ≥ ${whole(TARGET)} | ${(find / plan).toFixed(2)} |`,
    `| \`find -printf\` | ${find.toFixed(2)} s | ${whole(entries / find)} | | 1.00 |`,
  ].join('\n');
}

/** The page's part about planning. */
export function planningSection({ entries, runs, date, machine }: PlanningResult): string {
  return `## Planning

${planningTable({ entries, runs })}

Written by \`npm run bench:planning -- --write\`: ${whole(entries)} entries, of which
${whole(runs[0].files)} are small files, from the page cache. Planning walks the volume, lays out the tape and writes all catalog segments to a directory, durably; its thread's
start is counted. \`find\` prints as much of each entry as an archive has.

- ${runs.length} rounds, on ${date.slice(0, 10)}. Machine: ${machine}.
`;
}
