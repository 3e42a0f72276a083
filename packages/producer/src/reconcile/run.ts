import { buffer } from 'node:stream/consumers';
import { Order, publishedKeys, workArea } from '@longshore/shared';
import { isUploadOpen, type Store, type Upload } from '@longshore/store';
import { readManifest } from '../clear-store.ts';
import { archiveKey, newExportId } from '../open-export.ts';
import type { ExportRecord, Run } from '../records/record.ts';
import type { ReconcileParts } from './parts.ts';

/** The id of a record's next run: the first one has the export's own, so that people find it. */
export function nextRunId({ id, runs }: Pick<ExportRecord, 'id' | 'runs'>): string {
  return runs === 0 ? id : `${newExportId()}r${runs}`;
}

/** The order of a run whose upload is open. */
export function orderOf(
  { request, created, run }: ExportRecord,
  { build }: ReconcileParts,
): Order | undefined {
  if (!run?.upload) return undefined;
  return Order.parse({ version: 1, id: run.id, created, build, upload: run.upload, ...request });
}

/** Ids of the uploads of the record's archive that are open, but for those that were so before the run. */
export async function ownUploads(record: ExportRecord, parts: ReconcileParts): Promise<Upload[]> {
  const foreign = new Set(record.run?.foreignUploads);
  const uploads: Upload[] = [];
  const store = await parts.store();
  for await (const upload of store.listUploads(archiveKey(record.request), parts)) {
    if (!foreign.has(upload.id)) uploads.push(upload);
  }
  return uploads;
}

/** Gives up uploads that a producer opened and died before it wrote them down; `keep` is the one that counts. */
export async function sweepUploads(
  record: ExportRecord,
  parts: ReconcileParts,
  keep?: Run['upload'],
): Promise<void> {
  const store = await parts.store();
  for (const upload of await ownUploads(record, parts))
    if (upload.id !== keep?.id) await store.abortUpload(upload, parts);
}

/** Whether there is still something to go on with: an open upload, or an archive that was completed by this run. */
export async function isAlive(order: Order, store: Store): Promise<boolean> {
  if (await isUploadOpen(store, order.upload)) return true;
  if (await store.head(workArea(order.id).manifestDraft)) return true;
  const manifest = await readManifest(store, publishedKeys(order.name, order.format).manifest);
  return manifest?.export.id === order.id;
}

/** The order that stands in the work area. */
export async function readOrder(store: Store, runId: string): Promise<Order | undefined> {
  const key = workArea(runId).order;
  if (!(await store.head(key))) return undefined;
  return Order.parse(JSON.parse((await buffer(await store.get(key))).toString()));
}
