import type { ExportRecord } from '../records/record.ts';
import type { ClusterApi } from './cluster-api.ts';
import { reasonOf } from './conditions.ts';
import { API_VERSION, KIND, type VolumeExport } from './volume-export.ts';

/** One thing that happened, as `kubectl describe` tells it. */
export interface Chapter {
  type: 'Normal' | 'Warning';
  reason: string;
  message: string;
}

/** What is to be told of a change of the record. */
export function chaptersOf(before: ExportRecord, after: ExportRecord): Chapter[] {
  return [...troubleOf(before, after), ...phaseOf(before, after)];
}

function troubleOf({ trouble: before }: ExportRecord, { trouble, wish, run }: ExportRecord): Chapter[] {
  if (!trouble || trouble.code === before?.code) return [];
  // Should nobody mend it, this is where to look for what stays.
  const left =
    wish === 'forget' && run?.upload ? ` The upload ${run.upload.id} of ${run.upload.key} is left.` : '';
  return [{ type: 'Warning', reason: reasonOf(trouble.code), message: trouble.message + left }];
}

function phaseOf(before: ExportRecord, after: ExportRecord): Chapter[] {
  const { phase, failure, result, run } = after;
  if (phase === before.phase) return run?.ordered && !before.run?.ordered ? [begun(after)] : [];
  if (phase === 'Failed' && failure)
    return [{ type: 'Warning', reason: reasonOf(failure.code), message: failure.message }];
  if (phase === 'Completed' && result) {
    const { key, bytes, parts } = result.archive;
    const message = `${key}: ${bytes} bytes in ${parts} parts, ${result.entries.count} entries.`;
    return [{ type: 'Normal', reason: phase, message }];
  }
  return [{ type: 'Normal', reason: phase, message: `The export is ${phase}; it was ${before.phase}.` }];
}

function begun({ run, request }: ExportRecord): Chapter {
  const message = `The upload ${run?.upload?.id} of ${run?.upload?.key} to ${request.destination} is open.`;
  return { type: 'Normal', reason: 'Begun', message };
}

/** Longer messages are refused (Event v1, "note"). */
const MAX_MESSAGE = 1_000;

/** Tells it. An Event that can't be made, because its namespace is going away, isn't worth an error. */
export async function tell(resource: VolumeExport, chapter: Chapter, { core }: ClusterApi): Promise<void> {
  const { name = '', namespace = '', uid, resourceVersion } = resource.metadata;
  const now = new Date();
  const involvedObject = { apiVersion: API_VERSION, kind: KIND, name, namespace, uid, resourceVersion };
  const body = {
    metadata: { generateName: `${name}.`, namespace },
    involvedObject,
    ...chapter,
    message: chapter.message.slice(0, MAX_MESSAGE),
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component: 'longshore' },
    reportingComponent: 'longshore.dev/producer',
    reportingInstance: 'producer',
  };
  await core.createNamespacedEvent({ namespace, body }).catch(() => undefined);
}
