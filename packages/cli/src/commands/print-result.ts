import type { ExportRequest } from '@longshore/producer';
import prettyBytes from 'pretty-bytes';
import prettyMs from 'pretty-ms';
import type { Completed } from './follow.ts';

export interface PrintedResult extends Completed {
  /** The destination's URI. */
  store: string;
  request: ExportRequest;
  seconds: number;
}

/** The result on stdout: an object for programs, or two lines for people. */
export function printResult(
  printed: PrintedResult,
  { json, quiet }: { json?: boolean; quiet?: boolean },
): void {
  if (json) process.stdout.write(`${JSON.stringify(jsonOf(printed))}\n`);
  else if (!quiet) process.stdout.write(textOf(printed));
}

const uriOf = ({ store }: PrintedResult, key: string) => `${store.replace(/\/$/, '')}/${key}`;

function jsonOf(printed: PrintedResult) {
  const { result, counters, request, seconds } = printed;
  const { archive, manifest, index, entries, drift, skipped, tape } = result;
  return {
    export: request.name,
    archive: { uri: uriOf(printed, archive.key), bytes: archive.bytes, parts: archive.parts },
    manifest: { uri: uriOf(printed, manifest.key) },
    index: { uri: uriOf(printed, index.key) },
    tape,
    entries,
    drift,
    skipped,
    seconds: Math.round(seconds * 1_000) / 1_000,
    retries: counters.retries,
  };
}

function textOf(printed: PrintedResult): string {
  const { result, seconds } = printed;
  const { archive, entries, drift, skipped, manifest } = result;
  const ratio =
    entries.bytes > archive.bytes ? `, ${((archive.bytes / entries.bytes) * 100).toFixed(0)} %` : '';
  const lines = [
    uriOf(printed, archive.key),
    `${entries.count.toLocaleString('en')} entries, ${prettyBytes(entries.bytes)} in ${prettyBytes(archive.bytes)}${ratio}, ` +
      `${archive.parts} parts, ${prettyMs(seconds * 1_000)}`,
  ];
  if (drift.count > 0) {
    lines.push(
      `${drift.count.toLocaleString('en')} files changed or could not be read meanwhile: see ${uriOf(printed, manifest.key)}`,
    );
  }
  if (skipped.lost > 0) {
    lines.push(
      `${skipped.lost.toLocaleString('en')} names could not be archived: see ${uriOf(printed, manifest.key)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
