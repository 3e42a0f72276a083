import prettyBytes from 'pretty-bytes';
import { median } from '../median.ts';
import type { SlowVolumeResult } from '../results.ts';
import type { Reader, SlowRun } from './slow-export.ts';

const titleOf = (reader: Reader) =>
  reader === 'pipe' ? '`tar \\| zstd -3 -T0`' : `${reader} ${reader === 1 ? 'thread' : 'threads'}`;

/** Medians, each beside the first of the readers, as a Markdown table. */
export function slowVolumeTable(runs: readonly SlowRun[]): string {
  const readers = [...new Set(runs.map(({ reader }) => reader))];
  const of = (reader: Reader, name: 'wall' | 'cpu' | 'peakBytes') =>
    median(runs.filter((run) => run.reader === reader).map((run) => run[name]));
  const first = of(readers[0], 'wall');
  const rows = readers.map((reader) => {
    const wall = of(reader, 'wall');
    const times = (first / wall).toFixed(2);
    const memory = prettyBytes(of(reader, 'peakBytes'));
    return `| ${titleOf(reader)} | ${wall.toFixed(1)} s | ${times} | ${of(reader, 'cpu').toFixed(1)} s | ${memory} |`;
  });
  const head = `| | wall | times as fast as ${titleOf(readers[0])} | CPU | peak memory |`;
  return [head, '| --- | ---: | ---: | ---: | ---: |', ...rows].join('\n');
}

/** The page's part about volumes that answer late. */
export function slowVolumeSection({ files, bytes, delayMs, runs, date, machine }: SlowVolumeResult): string {
  return `## A slow volume

${slowVolumeTable(runs)}

Written by \`npm run bench:slow-volume -- --write\`: ${files.toLocaleString('en')} files, ${prettyBytes(bytes)}, on a FUSE mount that
takes ${delayMs} ms longer for each call, as a network file system may, exported to a directory by one worker. Names and
attributes are kept for three seconds, as NFS clients do.

- Measured on ${date.slice(0, 10)}. Machine: ${machine}.
`;
}
