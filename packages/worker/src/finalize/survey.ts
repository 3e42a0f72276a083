import { Readable } from 'node:stream';
import type { PackJob } from '@longshore/shared';
import type { Part } from '@longshore/store';
import { type ItemRecord, itemRange, readSegment } from '@longshore/tape';
import type { ExportContext } from '../export-context.ts';
import { fetchSegment } from '../fetch-segment.ts';
import { SpoolFolder } from '../spool.ts';

/** A record without what grows with the number of files: the finalizer holds one of each item. */
export type ItemSummary = Omit<ItemRecord, 'crcs' | 'drift'> & { key: string };

/** What the store holds of an export: the truth that its archive is made of. */
export interface Survey {
  /** One valid summary for each item, or undefined where none of its attempts holds. */
  items: (ItemSummary | undefined)[];
  parts: Map<number, Part>;
  /** Keys of records that name a part which the upload doesn't hold. */
  stale: string[];
}

/** Requests to the store that run at a time. */
const CONCURRENCY = 16;

export interface SurveyOptions {
  context: ExportContext;
  signal: AbortSignal;
  /** Local folder for intermediate files. */
  spool: string;
}

async function countSegments({ context, signal }: SurveyOptions): Promise<number> {
  let count = 0;
  for await (const _ of context.store.list(context.area.catalog, { signal })) count++;
  return count;
}

async function listParts({ context, signal }: SurveyOptions): Promise<Map<number, Part>> {
  const parts = new Map<number, Part>();
  for await (const part of context.store.listParts(context.order.upload, { signal }))
    parts.set(part.number, part);
  return parts;
}

async function summaryAt({ context, signal }: SurveyOptions, key: string): Promise<ItemSummary | undefined> {
  const record = await context.records.read(context.store, key, signal);
  if (!record) return undefined;
  const { crcs: _, drift: __, ...summary } = record;
  return { ...summary, key };
}

/** Every record's summary, in the order of the keys. */
async function readSummaries(options: SurveyOptions): Promise<ItemSummary[]> {
  const { store, area } = options.context;
  const keys = store.list(area.items, { signal: options.signal });
  const summaries = Readable.from(keys).map(({ key }) => summaryAt(options, key), {
    concurrency: CONCURRENCY,
  });
  return (await summaries.toArray()).filter((summary) => summary !== undefined);
}

function holds(summary: ItemSummary, parts: Map<number, Part>): boolean {
  if (summary.etag === undefined) return true;
  const part = parts.get(summary.item + 1);
  return part !== undefined && part.etag === summary.etag && part.bytes === summary.bytes;
}

/**
 * Holds every item's records against the store's own list of parts. Of several attempts at an item the one
 * counts whose part is in the upload; a runt counts where no part does.
 */
export async function survey(options: SurveyOptions): Promise<Survey> {
  const items = new Array<ItemSummary | undefined>(await countSegments(options)).fill(undefined);
  const parts = await listParts(options);
  const { area } = options.context;
  const stale: string[] = [];
  for (const summary of await readSummaries(options)) {
    const known = summary.item < items.length && summary.key.startsWith(area.record(summary.item, ''));
    if (!known || !holds(summary, parts)) stale.push(summary.key);
    else if (summary.etag !== undefined || !items[summary.item]) items[summary.item] = summary;
  }
  return { items, parts, stale };
}

/** The pack job of an item, as the planner would have added it: read from its segment. */
export async function packJobOf({ context, signal, spool }: SurveyOptions, item: number): Promise<PackJob> {
  await using folder = await SpoolFolder.make(spool);
  const file = folder.file('segment');
  const digest = await fetchSegment(context, { item, file, signal });
  const { start, end } = itemRange(item);
  let tapeEnd = end;
  for (const part of readSegment(file)) if (part.kind === 'foot') tapeEnd = part.tapeEnd;
  const { id, destination } = context.order;
  return { export: id, destination, item, start, end: Math.min(end, tapeEnd), digest };
}
