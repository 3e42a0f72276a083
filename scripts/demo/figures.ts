import { readFile } from 'node:fs/promises';
import { Manifest } from '@longshore/shared';
import prettyBytes from 'pretty-bytes';
import type { Process } from '../processes.ts';
import type { Volume } from '../volume.ts';
import type { Result } from './export.ts';

export interface DemoRun {
  volume: Volume;
  result: Result;
  /** The published manifest, downloaded. */
  manifest: string;
  killed: Process;
}

/** What happened, in figures: from the manifest, which is published for this, and from the export's own result. */
export async function printFigures({ volume, result, manifest, killed }: DemoRun): Promise<void> {
  const { entries, archive, tape, tools } = Manifest.parse(JSON.parse(await readFile(manifest, 'utf8')));
  const rows = [
    ['volume', `${volume.files.toLocaleString('en')} files, ${volume.hardLinks} hard links`],
    ['entries', `${entries.count.toLocaleString('en')}, ${prettyBytes(entries.bytes)} of content`],
    ['archive', `${archive.key}: ${prettyBytes(archive.bytes)} in ${archive.parts} parts`],
    ['ratio', `${((archive.bytes / tape.bytes) * 100).toFixed(1)} % of ${prettyBytes(tape.bytes)}`],
    ['time', `${result.seconds.toFixed(1)} s, ${prettyBytes(tape.bytes / result.seconds)}/s`],
    ['killed', `worker process ${killed.pid}; ${result.retries} attempts were made again`],
    ['drift', `${result.drift.count} files`],
    ['tools', `Longshore ${tools.longshore}, Node ${tools.node}, zstd ${tools.zstd}`],
  ];
  console.log();
  for (const [name, value] of rows) console.log(`  ${name.padEnd(8)} ${value}`);
}
