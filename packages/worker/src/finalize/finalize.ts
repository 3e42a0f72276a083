import { buffer } from 'node:stream/consumers';
import {
  type ExportResult,
  Manifest,
  type Order,
  type PackJob,
  publishedKeys,
  resultOf,
  type WeldJob,
} from '@longshore/shared';
import { inMemory, type Part, putMarked, StoreError } from '@longshore/store';
import { type IndexTotals, TapeError, vanishedTooMany, volumeGoing } from '@longshore/tape';
import { concatenate } from '../concatenate.ts';
import { WorkerError } from '../error.ts';
import { SpoolFolder } from '../spool.ts';
import { Archive } from './archive.ts';
import { buildIndex } from './build-index.ts';
import { TAIL_PART } from './part-layout.ts';
import { completedArchive, completeUpload, draftManifest, publishIndex, publishManifest } from './publish.ts';
import { packJobOf, type Survey, type SurveyOptions, survey } from './survey.ts';
import { attemptsOf, findWeld, runtBytes } from './welds.ts';

export interface FinalizeOptions extends SurveyOptions {
  /** Rejects unless the job is still this attempt's. */
  assertHeld(): Promise<void>;
}

/** What has to be done by other jobs before the export can be finalized. */
export type Finalized =
  | { kind: 'done'; result: ExportResult }
  | { kind: 'repack'; packs: PackJob[] }
  | { kind: 'weld'; welds: WeldJob[] };

/**
 * Makes one archive of the parts, or says what is missing for it. Each step looks before it acts, so that a
 * finalizer that was killed anywhere is simply run again:
 *
 * 1. every item's record is held against the store's list of parts; an item whose part isn't there any more
 *    is packed again;
 * 2. runts are welded into parts, by jobs of their own;
 * 3. the tail is uploaded, the index published, and the manifest drafted in the work area;
 * 4. the upload is completed with exactly the parts that steps 1 and 2 saw: where a late writer replaced one
 *    meanwhile, completion fails, and all begins again;
 * 5. the manifest is published. After a crash behind step 4 the upload is gone, and the draft says how to go on.
 */
export async function finalize(options: FinalizeOptions): Promise<Finalized> {
  const published = await readManifest(options, keysOf(options).manifest);
  if (published?.export.id === options.context.order.id) return done(published);
  const seen = await surveyUnlessCompleted(options);
  if (!seen) return done(await declare(options));
  const items = seen.items.filter((item) => item !== undefined);
  if (items.length < seen.items.length) return { kind: 'repack', packs: await missingPacks(options, seen) };
  const archive = new Archive(options.context, items);
  const welds = await missingWelds(options, { archive, seen });
  if (welds.length > 0) return { kind: 'weld', welds };
  await complete(options, { archive, seen });
  return done(await declare(options));
}

const keysOf = ({ context: { order } }: SurveyOptions) => publishedKeys(order.name, order.format);

async function readManifest({ context, signal }: SurveyOptions, key: string): Promise<Manifest | undefined> {
  const { store } = context;
  if (!(await store.head(key, { signal }))) return undefined;
  return Manifest.parse(JSON.parse((await buffer(await store.get(key, { signal }))).toString()));
}

/** What the store holds, or undefined where the upload was completed already: it's gone, and there's a draft. */
async function surveyUnlessCompleted(options: SurveyOptions): Promise<Survey | undefined> {
  const { store, area } = options.context;
  try {
    return await survey(options);
  } catch (error) {
    const gone = error instanceof StoreError && error.code === 'NO_SUCH_UPLOAD';
    if (gone && (await store.head(area.manifestDraft, options))) return undefined;
    throw error;
  }
}

/** Packs to be made again. Their stale records go first: an item with a record isn't packed again. */
async function missingPacks(options: SurveyOptions, { items, stale }: Survey): Promise<PackJob[]> {
  await options.context.store.delete(stale, options);
  const packs: PackJob[] = [];
  for (const [item, summary] of items.entries()) if (!summary) packs.push(await packJobOf(options, item));
  return packs;
}

async function missingWelds(
  options: SurveyOptions,
  { archive, seen }: { archive: Archive; seen: Survey },
): Promise<WeldJob[]> {
  const { id, destination } = options.context.order;
  const welds: WeldJob[] = [];
  for (const weld of archive.welds) {
    if (await findWeld(options, weld, { ...seen, items: archive.items })) continue;
    const { first, padding } = weld;
    welds.push({ export: id, destination, first, attempts: attemptsOf(weld, archive.items), padding });
  }
  return welds;
}

/** Steps 3 and 4. */
async function complete(options: FinalizeOptions, { archive, seen }: { archive: Archive; seen: Survey }) {
  const { context, signal, spool } = options;
  await using folder = await SpoolFolder.make(spool);
  const file = folder.file('index.sqlite');
  const [totals, parts] = await together([
    buildIndex(options, { archive, folder: folder.path, file }),
    putTogether(options, { archive, seen, tailFile: folder.file('tail') }),
  ]);
  refuseVanishedVolume(totals);
  refuseLoss(context.order, totals);
  await publishIndex(options, file);
  // A finalizer that was stopped for minutes must not replace the draft of the one that took over.
  await options.assertHeld();
  const draft = Buffer.from(JSON.stringify(draftManifest(context, { archive, parts, totals })));
  const { manifestDraft: key, order: marker } = context.area;
  await putMarked(context.store, { marker, objects: [{ key, body: inMemory(draft) }] }, { signal });
  await completeUpload(options, parts);
}

/** As `Promise.all`, but ends when all have ended: none goes on in a folder that is about to be removed. */
async function together<T extends readonly unknown[]>(tasks: T): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}

interface Assembly {
  archive: Archive;
  seen: Survey;
  tailFile: string;
}

/** Uploads the tail, and has the store do of the completion what it can do before anything is published. */
async function putTogether(options: SurveyOptions, { archive, seen, tailFile }: Assembly): Promise<Part[]> {
  const { context, signal } = options;
  const tail = await uploadTail(options, { archive, file: tailFile });
  const parts = archive.completion(seen.parts, tail);
  await context.store.prepareCompletion?.(context.order.upload, parts, { signal });
  return parts;
}

async function uploadTail(options: SurveyOptions, { archive, file }: { archive: Archive; file: string }) {
  const { context, signal } = options;
  const body = await concatenate(file, tailBytes(options, archive));
  return context.store.putPart(context.order.upload, TAIL_PART, body, { signal });
}

async function* tailBytes(options: SurveyOptions, archive: Archive): AsyncGenerator<Buffer> {
  yield* runtBytes(options, archive.tailItems);
  yield* archive.end();
}

/** Few files vanished from each item, but too many from all. */
function refuseVanishedVolume({ entries, vanished }: IndexTotals): void {
  const files = entries.types.file?.count ?? 0;
  if (vanishedTooMany(vanished, files)) throw volumeGoing(vanished, files);
}

/** What was lost while planning is change, too; packers have refused every other kind by now. */
function refuseLoss({ onChange }: Order, { skipped }: IndexTotals): void {
  if (onChange === 'record' || skipped.lost === 0) return;
  const message = `${skipped.lost} names vanished during the export, which was told to fail on that.`;
  throw new TapeError('DRIFT', message);
}

/** Step 5. */
async function declare(options: SurveyOptions): Promise<Manifest> {
  const { context, signal } = options;
  const draft = await readManifest(options, context.area.manifestDraft);
  if (!draft)
    throw new WorkerError('ARCHIVE_MISMATCH', `${context.area.manifestDraft} is gone; export again.`);
  const { etag, crc64nvme } = await completedArchive(context, { bytes: draft.archive.bytes, signal });
  const manifest: Manifest = {
    ...draft,
    export: { ...draft.export, completed: new Date().toISOString() },
    archive: { ...draft.archive, etag, ...(crc64nvme !== undefined && { crc64nvme }) },
  };
  await publishManifest(options, manifest);
  return manifest;
}

function done(manifest: Manifest): Finalized {
  return { kind: 'done', result: resultOf(manifest) };
}
