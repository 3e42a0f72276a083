import { readFile } from 'node:fs/promises';
import { Manifest } from '@longshore/shared';
import prettyBytes from 'pretty-bytes';
import type { Volume } from '../volume.ts';
import type { SurvivedExport } from './export.ts';

export interface DemoRun {
  volume: Volume;
  exported: SurvivedExport;
  /** The published manifest, downloaded. */
  manifest: string;
}

/** What happened, in figures: from the manifest, which is published for this, and from the export's last status. */
export async function printFigures({ volume, exported, manifest }: DemoRun): Promise<void> {
  const { status, result, killed } = exported;
  const { entries, archive, tape, tools } = Manifest.parse(JSON.parse(await readFile(manifest, 'utf8')));
  const seconds = (Date.parse(status.ended ?? '') - Date.parse(status.created)) / 1_000;
  const rows = [
    ['volume', `${volume.files.toLocaleString('en')} files, ${volume.hardLinks} hard links`],
    ['entries', `${entries.count.toLocaleString('en')}, ${prettyBytes(entries.bytes)} of content`],
    ['archive', `${archive.key}: ${prettyBytes(archive.bytes)} in ${archive.parts} parts`],
    ['ratio', `${((archive.bytes / tape.bytes) * 100).toFixed(1)} % of ${prettyBytes(tape.bytes)}`],
    ['time', `${seconds.toFixed(1)} s, ${prettyBytes(tape.bytes / seconds)}/s`],
    ['killed', `worker process ${killed}; ${status.progress.retries} attempts were made again`],
    ['drift', `${result.drift.count} files`],
    ['tools', `Longshore ${tools.longshore}, Node ${tools.node}, zstd ${tools.zstd}`],
  ];
  console.log();
  for (const [name, value] of rows) console.log(`  ${name.padEnd(8)} ${value}`);
}
