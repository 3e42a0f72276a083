import {
  type Counters,
  type ExportResult,
  type Failure,
  type Phase,
  publishedKeys,
  resultOf,
  workArea,
} from '@longshore/shared';
import { deleteMarked } from '@longshore/store';
import { clearStore, readManifest } from '../clear-store.ts';
import { forgetExport, forgetJobs } from '../end-export.ts';
import { isSpoiled } from '../exports/wishes.ts';
import { addExportFlow } from '../flow.ts';
import { type Outcome, readOutcome } from '../outcome.ts';
import { type ExportRecord, hasEnded, type Run } from '../records/record.ts';
import { begin } from './begin.ts';
import type { ReconcileParts, ReconcileSetting } from './parts.ts';
import { workingPhase } from './phase.ts';
import { orderOf, sweepUploads } from './run.ts';
import { noteSample } from './samples.ts';
import { stopFlow } from './stop-flow.ts';
import { meetTrouble, troubleOf } from './trouble.ts';
import { unpublish } from './unpublish.ts';

/**
 * One step towards what is wished for, looked for before it's taken: the record as it then is, where there may be more
 * to do at once, or undefined where there's nothing to do but to wait. May be taken again after a crash anywhere, and
 * by two producers at the same time.
 */
type Step = (record: ExportRecord, parts: ReconcileParts) => Promise<ExportRecord | undefined>;

/** Brings an export as far as it goes now; see phase.ts. Rejects only where the record itself can't be read or written. */
export async function reconcile(id: string, setting: ReconcileSetting): Promise<void> {
  let record = await setting.records.get(id);
  while (record?.due !== undefined && record.due <= Date.now()) {
    const next: ExportRecord | undefined = await take(record, setting);
    if (next && next.phase !== record.phase) {
      setting.logger.info({ exportId: id, phase: next.phase }, `The export is ${next.phase} now.`);
    }
    record = next;
  }
}

async function take(record: ExportRecord, setting: ReconcileSetting): Promise<ExportRecord | undefined> {
  try {
    return await stepOf(record)(record, { ...setting, ...(await setting.placeOf(record)) });
  } catch (error) {
    setting.signal.throwIfAborted();
    await meetTrouble(record, { error, setting });
    return undefined;
  }
}

function stepOf(record: ExportRecord): Step {
  if (record.wish === 'delete') return remove;
  if (record.wish === 'forget') return hasEnded(record) ? forget : cancel;
  if (hasEnded(record)) return settle;
  if (record.wish === 'cancel') return cancel;
  if (record.wish === 'suspend') return suspend;
  return record.run?.ordered ? follow : begin;
}

/** Attempts that were stopped fail so: it says nothing of the export. */
const isFailed = (outcome: Outcome) => outcome.kind === 'failed' && outcome.failure.code !== 'STOPPED';

async function follow(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord | undefined> {
  const run = record.run!;
  const outcome = await readOutcome(run, parts);
  if (outcome.kind === 'completed') return complete(record, { ...outcome, parts });
  if (outcome.kind === 'running') return watch(record, { counters: outcome.counters, parts });
  if (outcome.kind === 'failed' && isFailed(outcome)) return fail(record, { ...outcome, parts });
  // Gone from the queue, or stopped by somebody who didn't get to take it out of the queue. Written down first: who
  // looked before the export ended, and acts after it, is refused here.
  const current = await parts.records.update(record);
  await forgetJobs(run, parts);
  const { destination } = record.request;
  await addExportFlow({ id: run.id, destination }, { connection: parts.redis, queue: parts.queue.name });
  return current;
}

interface Watched {
  counters: Counters;
  parts: ReconcileParts;
}

async function watch(record: ExportRecord, { counters, parts }: Watched): Promise<ExportRecord | undefined> {
  const { redis, queue } = parts;
  await noteSample(record.run!.id, { redis, queue: queue.name, bytes: counters.doneTapeBytes });
  const phase = workingPhase(counters);
  const obstacle = await parts.workers.call(record);
  if (obstacle && isSpoiled({ failure: obstacle }))
    return fail(record, { failure: obstacle, counters, parts });
  if (phase === record.phase && obstacle?.message === record.trouble?.message) {
    await parts.records.noteProgress(record, counters);
    return;
  }
  const { trouble, ...rest } = record;
  await parts.records.update({ ...rest, phase, trouble: obstacle && troubleOf(obstacle, trouble) });
  if (phase === record.phase) return;
  parts.logger.info({ exportId: record.id, phase }, `The export is ${phase} now.`);
}

type Ended = Extract<Phase, 'Completed' | 'Failed' | 'Cancelled'>;

interface Ending {
  parts: ReconcileParts;
  phase: Ended;
  counters?: Counters;
  result?: ExportResult;
  failure?: Failure;
}

/** Writes an end down; what is left to be done after it is `settle`'s. */
async function end(record: ExportRecord, { parts, phase, ...rest }: Ending): Promise<ExportRecord> {
  const { trouble: _, counters: _before, ...kept } = record;
  const ended = new Date().toISOString();
  const counters = rest.counters && { ...rest.counters };
  return parts.records.update({ ...kept, ...rest, counters, phase, wish: 'run', ended, due: 0 });
}

interface Completing {
  result: ExportResult;
  counters: Counters;
  parts: ReconcileParts;
}

function complete(record: ExportRecord, { result, counters, parts }: Completing): Promise<ExportRecord> {
  return end(record, { parts, phase: 'Completed', result, counters });
}

interface Failing {
  failure: Failure;
  counters?: Counters;
  parts: ReconcileParts;
}

function fail(record: ExportRecord, { failure, counters, parts }: Failing): Promise<ExportRecord> {
  parts.logger.warn({ exportId: record.id, code: failure.code }, failure.message);
  return end(record, { parts, phase: 'Failed', failure, counters });
}

async function suspend(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord | undefined> {
  const { run } = record;
  if (run?.ordered) {
    const outcome = await readOutcome(run, parts);
    if (outcome.kind === 'completed') return complete(record, { ...outcome, parts });
    if (outcome.kind === 'failed' && isFailed(outcome)) return fail(record, { ...outcome, parts });
    await stopFlow(run, parts);
    await parts.workers.rest(record);
  }
  const { trouble: _, due: _due, ...rest } = record;
  return parts.records.update({ ...rest, phase: 'Suspended' });
}

async function cancel(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord | undefined> {
  const { run } = record;
  if (!run) return end(record, { parts, phase: 'Cancelled' });
  const outcome = await readOutcome(run, parts);
  if (outcome.kind === 'completed') return complete(record, { ...outcome, parts });
  await stopFlow(run, parts);
  const counters = 'counters' in outcome ? outcome.counters : undefined;
  const order = orderOf(record, parts);
  const store = await parts.store();
  if (order && (await clearStore(order, store)) === 'complete') {
    const manifest = await readManifest(store, publishedKeys(order.name, order.format).manifest);
    if (manifest) return end(record, { parts, phase: 'Completed', result: resultOf(manifest), counters });
  }
  return end(record, { parts, phase: 'Cancelled', counters });
}

/** What is left to be done after the end has been written down: nothing of the export stays in queue or work area. */
async function settle(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord | undefined> {
  const { run } = record;
  if (!run) return dismissed(record, parts);
  await forgetExport(run, parts);
  await parts.workers.dismiss(record);
  if (record.phase === 'Failed') return settleFailed(record, { run, parts });
  await sweepUploads(record, parts);
  if (record.phase === 'Cancelled') return settled(withoutRun(record), parts);
  // The finalizer removes it, but for what a late attempt wrote.
  const { root, order } = workArea(run.id);
  await deleteMarked(await parts.store(), { prefix: root, marker: order });
  return settled(record, parts);
}

/** A failed export waits for a retry with all that it has, until it has waited long enough. */
async function settleFailed(
  record: ExportRecord,
  { run, parts }: { run: Run; parts: ReconcileParts },
): Promise<ExportRecord | undefined> {
  await sweepUploads(record, parts, run.upload);
  const retained = isSpoiled(record) ? 0 : parts.retainFailedMs;
  const until = Date.parse(record.ended ?? record.created) + retained;
  if (Date.now() < until) return parts.records.update({ ...record, due: until });
  const order = orderOf(record, parts);
  if (order) await clearStore(order, await parts.store());
  return dismissed(withoutRun(record), parts);
}

function withoutRun({ run: _, ...rest }: ExportRecord): ExportRecord {
  return rest;
}

/** Of an export that has no run, or none any more. */
async function dismissed(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord> {
  await parts.workers.dismiss(record);
  return settled(record, parts);
}

async function settled(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord> {
  const { due: _, trouble: _trouble, ...rest } = record;
  return parts.records.update(rest);
}

/** Everything of an export that has ended: what it left, what it published, and its record at last. */
async function remove(record: ExportRecord, parts: ReconcileParts): Promise<undefined> {
  const { run } = record;
  if (run) {
    await forgetExport(run, parts);
    const order = orderOf(record, parts);
    if (order) await unpublish(record, { order, store: await parts.store() });
    await sweepUploads(record, parts);
  }
  await parts.workers.dismiss(record);
  await parts.records.remove(record);
  parts.logger.info({ exportId: record.id }, 'The export is deleted.');
}

/** Everything of an export that has ended but for what it published; its record last. */
async function forget(record: ExportRecord, parts: ReconcileParts): Promise<undefined> {
  const { run } = record;
  if (run) {
    await forgetExport(run, parts);
    const order = orderOf(record, parts);
    if (order) await clearStore(order, await parts.store());
    await sweepUploads(record, parts);
  }
  await parts.workers.dismiss(record);
  await parts.records.remove(record);
  parts.logger.info({ exportId: record.id }, 'The export is forgotten; its archive stays.');
}
