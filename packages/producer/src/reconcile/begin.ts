import type { Order } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { clearStore } from '../clear-store.ts';
import { forgetExport, forgetJobs } from '../end-export.ts';
import { ProducerError } from '../error.ts';
import { archiveKey, openUpload, writeOrder } from '../open-export.ts';
import type { ExportRecord, Run } from '../records/record.ts';
import { checkDestination } from '../request.ts';
import type { ReconcileParts } from './parts.ts';
import { isAlive, nextRunId, orderOf, ownUploads, readOrder } from './run.ts';

/**
 * From a request to an order, in three steps, each of which is written down before the next one relies on it:
 *
 * 1. the destination is tried, and the uploads that are open there under the archive's key are noted;
 * 2. an upload is opened. A producer that dies before it's written down leaves one that isn't among those noted: it
 *    is taken over here, so that nobody pays for it for ever;
 * 3. the order is written to the work area.
 */
export async function begin(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord> {
  const { run } = record;
  if (!run) return beginRun(record, parts);
  return run.upload ? giveOrder(record, parts) : beginUpload(record, parts);
}

async function beginRun(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord> {
  const store = await parts.store();
  await checkDestination(record.request, { store, signal: parts.signal });
  const foreignUploads: string[] = [];
  for await (const { id } of store.listUploads(archiveKey(record.request), parts)) foreignUploads.push(id);
  const run: Run = { id: nextRunId(record), foreignUploads, ordered: false };
  return parts.records.update({ ...record, run, runs: record.runs + 1 });
}

async function beginUpload(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord> {
  const run = record.run!;
  const store = await parts.store();
  const [nobodys] = await ownUploads(record, parts);
  const upload = nobodys ?? (await openUpload(record.request, { id: run.id, store, signal: parts.signal }));
  try {
    return await parts.records.update({ ...record, run: { ...run, upload } });
  } catch (error) {
    // Another producer was quicker. Where it found this very upload, it counts.
    const latest = await parts.records.get(record.id);
    if (latest?.run?.upload?.id !== upload.id) await store.abortUpload(upload);
    throw error;
  }
}

async function giveOrder(record: ExportRecord, parts: ReconcileParts): Promise<ExportRecord> {
  const store = await parts.store();
  const order = orderOf(record, parts)!;
  if (record.run?.spoiled || !(await canGoOn(order, store))) return dropRun(record, { order, store, parts });
  // Of a run that failed, and whose producer died before it took them out: they would fail this one as well.
  await forgetJobs(order, parts);
  if (!(await readOrder(store, order.id))) await writeOrder(order, { store, signal: parts.signal });
  const started = record.started ?? new Date().toISOString();
  try {
    return await parts.records.update({ ...record, run: { ...record.run!, ordered: true }, started });
  } catch (error) {
    await undoUnlessWanted(record, { order, store, parts });
    throw error;
  }
}

/**
 * Whether a run that was begun before can go on: what it packed is still there, and was packed by the versions that
 * pack now. Parts of two versions in one archive could differ from what either of them would have made.
 */
async function canGoOn(order: Order, store: Store): Promise<boolean> {
  if (!(await isAlive(order, store))) return false;
  const written = await readOrder(store, order.id);
  if (!written) return true;
  const { longshore, node, zlib, zstd } = written.build;
  const { build } = order;
  return longshore === build.longshore && node === build.node && zlib === build.zlib && zstd === build.zstd;
}

interface Dropping {
  order: Order;
  store: Store;
  parts: ReconcileParts;
}

/** Gives up a run that can't go on, so that a new one begins. */
async function dropRun(record: ExportRecord, { order, store, parts }: Dropping): Promise<ExportRecord> {
  await forgetExport(order, parts);
  await clearStore(order, store);
  const { run: _, ...rest } = record;
  return parts.records.update(rest);
}

/** A cancellation came between: it found no order, so it is ours to take away. */
async function undoUnlessWanted(record: ExportRecord, { order, store, parts }: Dropping): Promise<void> {
  const latest = await parts.records.get(record.id);
  if (latest?.run?.id === order.id) return;
  await clearStore(order, store);
}

/** The request names a destination that there is; to be asked before a record is made. */
export function expectDestination(name: string, destinations: ReadonlyMap<string, Store>): void {
  if (destinations.has(name)) return;
  const known = [...destinations.keys()].join(', ');
  const message = `There is no destination ${JSON.stringify(name)}: choose one of ${known}.`;
  throw new ProducerError('UNKNOWN_DESTINATION', message);
}
