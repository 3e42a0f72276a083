import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import prettyBytes from 'pretty-bytes';
import { root } from '../scripts/config.ts';
import { machine } from './machine.ts';
import type { Cost } from './service-server.ts';

/** What was asked of the server for a while, what that cost it, and how long requests took, in ms. */
export interface Phase extends Cost {
  name: string;
  p50?: number;
  p99?: number;
}

export interface ServiceBench {
  phases: readonly Phase[];
  /** Finished exports among the records. */
  exports: number;
  running: number;
}

const milliseconds = (ms: number | undefined) => (ms === undefined ? '' : `${ms.toFixed(1)} ms`);

function row({ name, p50, p99, cpuPercent, lateP99, memory, highest }: Phase): string {
  const cells = [milliseconds(p50), milliseconds(p99), `${cpuPercent.toFixed(0)} %`, milliseconds(lateP99)];
  return `| ${[name, ...cells, prettyBytes(highest), prettyBytes(memory)].join(' | ')} |`;
}

function table({ phases }: ServiceBench): string {
  const head = [
    '| | request, median | p99 | CPU of one core | event loop late, p99 | RSS, highest | at the end |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  return [...head, ...phases.map(row)].join('\n');
}

/** The page that `--write` puts into docs/. */
function page(bench: ServiceBench): string {
  return `# Benchmarks of the service

Written by \`npm run bench:service -- --write\` on ${new Date().toISOString().slice(0, 10)}.

${table(bench)}

One \`longshore serve\` with ${bench.exports.toLocaleString('en')} finished exports among its records, at its usual log
level. A list is a page of 50, from the newest to the oldest, over and over. The streams are those of
${bench.running} running exports of 9,998 items each, of which every second some are packed: each client gets the status
and the whole part map each time. Nobody works on the exports that are requested. Redis and the clients, all of which are one
process, ran on the same cores, so that times are those of a busy machine. How late the event loop is includes the
10 ms at which it's looked at.

Downloads and single files are of an archive in a directory that the server gives the bytes of, by a server of its own: a
tree that was really made and exported, a thousand entries in each directory, one of them a file of 64 KiB and the others
empty. A download begins again at its end; a slow one takes a piece of at most 64 KiB in 64 ms. The aims are 50 ms at p99, for
the event loop with 200 downloads and for a single file of a million entries whose index is cached, and memory that
doesn't grow with what is downloaded.

- Machine: ${machine()}.
`;
}

/** Prints the table; with `write` it also replaces docs/benchmarks-service.md. */
export async function report(bench: ServiceBench, { write }: { write: boolean }): Promise<void> {
  console.log(`${table(bench)}\n\n${machine()}`);
  if (!write) return;
  const file = join(root, 'docs/benchmarks-service.md');
  await writeFile(file, page(bench));
  // Lint looks at documents too.
  await execa(process.execPath, [
    join(root, 'node_modules/@biomejs/biome/bin/biome'),
    'format',
    '--write',
    file,
  ]);
}
