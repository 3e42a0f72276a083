import prettyBytes from 'pretty-bytes';
import type { CoordinationResult } from '../results.ts';
import type { Ceiling } from './ceiling.ts';
import type { SmallExport } from './small-export.ts';

/** Items a second that workers have to get through. */
const TARGET = 1_000;

/** Most items of a volume below 62 GiB are as large, and none of a larger one is smaller. */
const ITEM_BYTES = 64 * 2 ** 20;

const rateOf = ({ items, seconds }: Ceiling) => items / seconds;
const throughput = (rate: number) => `${prettyBytes(rate * ITEM_BYTES, { binary: true })}/s`;
const whole = (figure: number) => Math.round(figure).toLocaleString('en');

/** What workers got through, by their number, as a Markdown table. */
export function ceilingsTable(ceilings: readonly Ceiling[]): string {
  const rows = ceilings.map((ceiling) => {
    const rate = rateOf(ceiling);
    const reached = rate >= TARGET ? `**${whole(rate)}**` : whole(rate);
    const redis = `${((ceiling.redisCpu / ceiling.items) * 1e6).toFixed(0)} µs`;
    return `| ${ceiling.workers} | ${reached} | ≥ ${whole(TARGET)} | ${redis} | ${throughput(rate)} |`;
  });
  const head = '| workers | items a second | target | Redis’ CPU time for each | at 64 MiB an item |';
  return [head, '| ---: | ---: | ---: | ---: | ---: |', ...rows].join('\n');
}

export function smallExportLine({ items, wall, cpu, peakBytes }: SmallExport): string {
  return (
    `An export of ${whole(items)} items of 4 MiB each, 4 kB of text and holes, to S3 by two workers of one thread: ` +
    `${wall.toFixed(1)} s, ${whole(items / wall)} items a second, ${cpu.toFixed(1)} s of CPU, ${prettyBytes(peakBytes)}.`
  );
}

/** The page's part about coordination. */
export function coordinationSection({ ceilings, smallExport, date, machine }: CoordinationResult): string {
  const best = Math.max(...ceilings.map(rateOf));
  return `## Coordination

${ceilingsTable(ceilings)}

Written by \`npm run bench:coordination -- --write\`. Exports of ${whole(ceilings[0].items)} items pass through plan,
pack and finalize, with one Redis and worker processes that have the real pool and say to the queue all that they
say otherwise, but that walk, render and upload nothing. All of them share the machine: with a core for each worker it's
Redis' CPU time that sets the limit. At 64 MiB an item, the size of the first thousand, the best of these rates
would do for a volume that is read at ${throughput(best)}.

${smallExport ? `${smallExportLine(smallExport)}\n\n` : ''}- Measured on ${date.slice(0, 10)}. Machine: ${machine}.
`;
}
