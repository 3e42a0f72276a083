import { type Counters, type ExportProgress, type ExportStatus, parseCounters } from '@longshore/shared';
import { rateOf } from '../reconcile/samples.ts';
import type { ExportRecord } from '../records/record.ts';

/** What Redis knows of an export's progress right now. */
export interface Live {
  counters: Counters;
  /** See `samples` of `exportKeys`. */
  samples: readonly string[];
}

/** An export as callers see it. */
export function statusOf(record: ExportRecord, live: Live | undefined): ExportStatus {
  const { id, request, phase, created, started, ended, retried, result } = record;
  const error = errorOf(record);
  return {
    id,
    ...request,
    phase,
    created,
    ...(started && { started }),
    ...(ended && { ended }),
    retried,
    progress: progressOf(record, live),
    ...(result && { result }),
    ...(error && { error }),
  };
}

function errorOf({ failure, trouble }: ExportRecord): ExportStatus['error'] {
  if (failure) return failure;
  return trouble && { code: trouble.code, message: trouble.message };
}

function progressOf({ counters, phase }: ExportRecord, live: Live | undefined): ExportProgress {
  const { planned, ...numbers } = live?.counters ?? parseCounters(asHash(counters));
  const packing = phase === 'Planning' || phase === 'Packing';
  const bytesPerSecond = packing && live ? rateOf(live.samples, Date.now()) : undefined;
  const left = numbers.tapeBytes - numbers.doneTapeBytes;
  const known = bytesPerSecond !== undefined && bytesPerSecond > 0 && planned === 1;
  return {
    planned: planned === 1,
    ...numbers,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    ...(known && { etaSeconds: Math.max(0, left) / bytesPerSecond }),
  };
}

/** Counters as Redis has them: numbers in strings. */
function asHash(counters: ExportRecord['counters']): Record<string, string> {
  return Object.fromEntries(Object.entries(counters ?? {}).map(([name, value]) => [name, String(value)]));
}
