import type { ExportStatus } from '@longshore/shared';
import prettyBytes from 'pretty-bytes';
import { progressOf } from '../progress/progress-of.ts';
import { describe } from '../progress/speed.ts';
import { table } from './table.ts';

/** One export, a property a line; what there isn't is left out. */
export function statusText(status: ExportStatus): string {
  return table(properties(status).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

function properties(status: ExportStatus): [name: string, value: string | undefined][] {
  const { result, error } = status;
  return [
    ['id', status.id],
    ['phase', status.phase],
    ['volume', status.volume],
    ['destination', status.destination],
    ['name', status.name],
    ['format', `${status.format}, level ${status.level}`],
    ['consistency', consistencyOf(status)],
    ['created', status.created],
    ['started', status.started],
    ['ended', status.ended],
    ['retried', status.retried > 0 ? String(status.retried) : undefined],
    [
      'progress',
      result ? undefined : describe({ ...progressOf(status), phase: undefined, waitingFor: undefined }, 0),
    ],
    ['archive', result && `${result.archive.key}, ${prettyBytes(result.archive.bytes)}`],
    ['manifest', result?.manifest.key],
    [
      'entries',
      result && `${result.entries.count.toLocaleString('en')}, ${prettyBytes(result.entries.bytes)}`,
    ],
    ['changed', countOf(result?.drift.count, 'files changed or could not be read meanwhile')],
    ['lost', countOf(result?.skipped.lost, 'names could not be archived')],
    ['error', error && `${error.message} (${error.code})`],
  ];
}

/** What most exports are isn't worth a line. */
function consistencyOf({ consistency, snapshotClass }: ExportStatus): string | undefined {
  if (consistency === 'Live') return undefined;
  return snapshotClass === undefined ? consistency : `${consistency}, class ${snapshotClass}`;
}

function countOf(count: number | undefined, what: string): string | undefined {
  return count ? `${count.toLocaleString('en')} ${what}: see the manifest` : undefined;
}

/** Many exports, one a line. */
export function listText(exports: readonly ExportStatus[]): string {
  const head = ['ID', 'PHASE', 'PACKED', 'CREATED', 'VOLUME', 'DESTINATION', 'NAME'];
  return table([head, ...exports.map(rowOf)]);
}

function rowOf({ id, phase, progress, created, volume, destination, name, format }: ExportStatus): string[] {
  const { doneTapeBytes, tapeBytes, planned } = progress;
  const packed = `${prettyBytes(doneTapeBytes)} of ${prettyBytes(tapeBytes)}${planned ? '' : '+'}`;
  return [id, phase, packed, created.replace(/\.\d+Z$/, 'Z'), volume, destination, `${name}.${format}`];
}
