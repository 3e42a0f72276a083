import type { Condition } from '@longshore/shared';
import type { ExportRecord } from '../records/record.ts';

type State = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/** Conditions as the API conventions want them: a change of status has a time, a change of message alone hasn't. */
export function conditionsOf(
  record: ExportRecord,
  { before, generation }: { before: readonly Condition[]; generation: number | undefined },
): Condition[] {
  const now = new Date().toISOString();
  return statesOf(record).map((state) => {
    const known = before.find(({ type }) => type === state.type);
    const lastTransitionTime = known?.status === state.status ? known.lastTransitionTime : now;
    return {
      ...state,
      lastTransitionTime,
      ...(generation !== undefined && { observedGeneration: generation }),
    };
  });
}

function statesOf(record: ExportRecord): State[] {
  return [progressing(record), planned(record), complete(record), failed(record)];
}

/** Whether it goes on; where it doesn't, this one says what it waits for. */
function progressing({ phase, trouble }: ExportRecord): State {
  const type = 'Progressing';
  if (trouble) return { type, status: 'False', reason: reasonOf(trouble.code), message: trouble.message };
  const isWorking =
    phase === 'Pending' || phase === 'Planning' || phase === 'Packing' || phase === 'Finalizing';
  return { type, status: isWorking ? 'True' : 'False', reason: phase, message: SENTENCES[phase] };
}

const SENTENCES: Record<ExportRecord['phase'], string> = {
  Pending: 'The destination is tried, and workers are called.',
  Planning: 'The volume is walked, and what is planned is packed.',
  Packing: 'The volume is planned, and being packed.',
  Finalizing: 'Everything is packed; it is compared with what the store has, and published.',
  Suspended: 'Suspended as spec.suspend says; what is packed stays.',
  Completed: 'The archive is published.',
  Failed: 'The export failed.',
  Cancelled: 'The export was cancelled; nothing of it is left in the store.',
};

function planned({ phase, counters }: ExportRecord): State {
  const is =
    phase === 'Packing' || phase === 'Finalizing' || phase === 'Completed' || counters?.planned === 1;
  return is
    ? { type: 'Planned', status: 'True', reason: 'Planned', message: 'The archive is laid out.' }
    : {
        type: 'Planned',
        status: 'False',
        reason: 'NotPlanned',
        message: "The volume hasn't been walked to its end.",
      };
}

function complete({ phase, result }: ExportRecord): State {
  const type = 'Complete';
  if (phase !== 'Completed' || !result)
    return { type, status: 'False', reason: 'NotComplete', message: "There's no archive yet." };
  const drifted = result.drift.count + result.skipped.lost;
  const { bytes, parts } = result.archive;
  return drifted === 0
    ? { type, status: 'True', reason: 'Complete', message: `${bytes} bytes in ${parts} parts, proved whole.` }
    : {
        type,
        status: 'True',
        reason: 'CompleteWithDrift',
        message: `${bytes} bytes in ${parts} parts; ${drifted} files had changed, vanished or couldn't be read: the manifest lists them.`,
      };
}

function failed({ phase, failure }: ExportRecord): State {
  if (phase === 'Failed' && failure)
    return { type: 'Failed', status: 'True', reason: reasonOf(failure.code), message: failure.message };
  return { type: 'Failed', status: 'False', reason: 'NotFailed', message: '' };
}

/** `NO_SUCH_BUCKET` is `NoSuchBucket`: reasons are in CamelCase. */
export function reasonOf(code: string): string {
  return code
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('');
}
