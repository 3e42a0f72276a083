import { type Failure, failureOf } from '@longshore/shared';
import { type ExportRecord, hasEnded } from '../records/record.ts';
import type { ReconcileSetting } from './parts.ts';

/** What passes, perhaps: the export waits for it. Anything else fails an export that was to run. */
const PASSING: ReadonlySet<string> = new Set([
  'UNREACHABLE',
  'UNAVAILABLE',
  'THROTTLED',
  // What a namespace lacks may be applied a moment after the export.
  'SECRET_MISSING',
  // Of Redis, or unknown to us.
  'INTERNAL',
]);

/** How long an export that can't even be begun waits for its destination, in ms. */
const GIVE_UP_MS = 15 * 60_000;

const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 60_000;

type TroubleSetting = Pick<ReconcileSetting, 'records' | 'logger' | 'releaseMs' | 'placeOf'>;

/**
 * What becomes of a step that failed. An export that is to run fails, at once or after a while. Cancelling, suspending
 * and clearing up are tried for ever, with growing pauses: there is nothing else that could be done, and the record
 * says why it takes so long.
 */
export async function meetTrouble(
  record: ExportRecord,
  { error, setting }: { error: unknown; setting: TroubleSetting },
): Promise<void> {
  const failure = failureOf(error);
  // Another producer has been here: what it wrote down is looked at when the record is due.
  if (failure.code === 'RECORD_CHANGED') return;
  // Nothing can be written down now. The reconciler says so once, for all exports, and this one is still due.
  if (failure.code === 'REDIS_FULL') throw error;
  setting.logger.warn({ exportId: record.id, code: failure.code }, failure.message);
  if (isReleased(record, failure, setting)) return release(record, setting);
  const mayFail = record.wish === 'run' && !hasEnded(record);
  await setting.records.update(
    mayFail && isHopeless(record, failure) ? failed(record, failure) : waiting(record, failure),
  );
}

function isReleased(
  { wish, trouble }: ExportRecord,
  { code }: Failure,
  { releaseMs }: TroubleSetting,
): boolean {
  if (wish !== 'forget' || releaseMs === undefined) return false;
  if (code === 'SECRET_GONE') return true;
  if (trouble === undefined) return false;
  return Date.now() - Date.parse(trouble.since) > releaseMs;
}

/** Whoever deleted the export waits for it, and a namespace with it: what is left is named, and then it's let go. */
async function release(record: ExportRecord, setting: TroubleSetting): Promise<void> {
  const { records, logger } = setting;
  const { upload } = record.run ?? {};
  const left = { upload: upload?.id, key: upload?.key, destination: record.request.destination };
  logger.error(
    { exportId: record.id, ...left },
    'The export is let go; its upload and work area stay in the store.',
  );
  await dismiss(record, setting);
  await records.remove(record);
}

/** That workers or keys in Redis can't be taken away mustn't hold whoever deletes the export. */
async function dismiss(record: ExportRecord, { placeOf, logger }: TroubleSetting): Promise<void> {
  try {
    const { workers } = await placeOf(record);
    await workers.dismiss(record);
  } catch (error) {
    const { code, message } = failureOf(error);
    logger.warn({ exportId: record.id, code }, `The export's workers stay for now: ${message}`);
  }
}

function isHopeless({ trouble }: ExportRecord, { code }: Failure): boolean {
  // Says nothing about this export, however long it takes.
  if (code === 'CLUSTER_AWAY') return false;
  if (!PASSING.has(code)) return true;
  return trouble !== undefined && Date.now() - Date.parse(trouble.since) > GIVE_UP_MS;
}

function failed(record: ExportRecord, failure: Failure): ExportRecord {
  const { trouble: _, ...rest } = record;
  return { ...rest, phase: 'Failed', failure, ended: new Date().toISOString(), due: 0 };
}

function waiting(record: ExportRecord, failure: Failure): ExportRecord {
  const trouble = troubleOf(failure, record.trouble);
  const pause = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(trouble.tries - 1, 10));
  return { ...record, trouble, due: Date.now() + pause };
}

type Trouble = NonNullable<ExportRecord['trouble']>;

/** What is in the way, where `before` is what was. */
export function troubleOf({ code, message }: Failure, before: Trouble | undefined): Trouble {
  const since = before?.since ?? new Date().toISOString();
  return { since, tries: (before?.tries ?? 0) + 1, code, message };
}
