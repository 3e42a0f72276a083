import { ProducerError } from '../error.ts';
import { type ExportRecord, hasEnded } from '../records/record.ts';

/** What a caller's wish makes of a record: the same object where it's so already. Throws WRONG_PHASE. */
export type Change = (record: ExportRecord) => ExportRecord;

function refuse(record: ExportRecord, reason: string): never {
  throw wrongPhase(record, reason);
}

export function wrongPhase({ id, phase }: ExportRecord, reason: string): ProducerError {
  return new ProducerError('WRONG_PHASE', `The export ${id} is ${phase}: ${reason}.`);
}

/** The reconciler is to look at it at once, whatever it was waiting for. */
const now = { due: 0 } as const;

export const cancel: Change = (record) => {
  if (hasEnded(record)) refuse(record, 'only one that has not ended can be cancelled');
  return record.wish === 'cancel' ? record : { ...record, ...now, wish: 'cancel' };
};

export const suspend: Change = (record) => {
  if (hasEnded(record)) refuse(record, 'only one that has not ended can be suspended');
  if (record.wish === 'cancel') refuse(record, 'it is being cancelled');
  return record.wish === 'suspend' ? record : { ...record, ...now, wish: 'suspend' };
};

export const resume: Change = (record) => {
  if (hasEnded(record)) refuse(record, 'only a suspended one can be resumed');
  if (record.wish === 'cancel') refuse(record, 'it is being cancelled');
  return record.wish === 'run' ? record : { ...record, ...now, wish: 'run' };
};

/** The volume changed and mustn't have, or what was read of it is gone: another attempt would read something else. */
const SPOILING: ReadonlySet<string> = new Set(['DRIFT', 'COPY_LOST']);

export const isSpoiled = ({ failure, run }: Pick<ExportRecord, 'failure' | 'run'>): boolean =>
  run?.spoiled === true || (failure !== undefined && SPOILING.has(failure.code));

/** Goes on with the run that there is, once the reconciler has found that it can. */
export const retry: Change = (record) => {
  if (record.phase !== 'Failed' && record.phase !== 'Cancelled')
    refuse(record, 'only one that failed or was cancelled can be tried again');
  if (record.wish === 'delete') refuse(record, 'it is being deleted');
  const { failure: _f, trouble: _t, ended: _e, counters: _c, ...rest } = record;
  const spoiled = isSpoiled(record) && { spoiled: true };
  const run = record.run && { ...record.run, ordered: false, ...spoiled };
  return { ...rest, ...now, run, wish: 'run', phase: 'Pending', retried: record.retried + 1 };
};

export const remove: Change = (record) => {
  if (!hasEnded(record)) refuse(record, 'cancel it before you delete it');
  return record.wish === 'delete' ? record : { ...record, ...now, wish: 'delete' };
};
