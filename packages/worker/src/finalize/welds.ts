import { buffer } from 'node:stream/consumers';
import type { WeldJob } from '@longshore/shared';
import { inMemory, type Part, putMarked, StoreError } from '@longshore/store';
import { createCodec, decodeWeld, encodeWeld, TapeError, type WeldRecord } from '@longshore/tape';
import type { Attempt } from '../attempt.ts';
import { concatenate } from '../concatenate.ts';
import type { ExportContext } from '../export-context.ts';
import { SpoolFolder } from '../spool.ts';
import { paddingOf, type Weld } from './archive.ts';
import type { ItemSummary, SurveyOptions } from './survey.ts';

async function readWeld({ context, signal }: SurveyOptions, key: string): Promise<WeldRecord | undefined> {
  try {
    return decodeWeld(await buffer(await context.store.get(key, { signal })));
  } catch (error) {
    const gone = error instanceof StoreError && error.code === 'NOT_FOUND';
    if (gone || (error instanceof TapeError && error.code === 'CORRUPT')) return undefined;
    throw error;
  }
}

/** The attempts whose runts it joins, in order. */
export function attemptsOf({ first, last }: Weld, items: readonly ItemSummary[]): string[] {
  return items.slice(first, last + 1).map(({ attempt }) => attempt);
}

/** The weld's record whose part is in the upload, and made of the attempts that the survey chose. */
export async function findWeld(
  options: SurveyOptions,
  weld: Weld,
  { parts, items }: { parts: Map<number, Part>; items: readonly ItemSummary[] },
): Promise<WeldRecord | undefined> {
  const { store, area } = options.context;
  const attempts = attemptsOf(weld, items);
  const part = parts.get(weld.first + 1);
  for await (const { key } of store.list(area.weld(weld.first, ''), { signal: options.signal })) {
    const record = await readWeld(options, key);
    if (!record || !part || record.etag !== part.etag || record.bytes !== part.bytes) continue;
    if (record.padding === weld.padding && record.attempts.join() === attempts.join()) return record;
  }
  return undefined;
}

/** Bytes of the runts of these attempts, in order. */
export async function* runtBytes(
  { context, signal }: SurveyOptions,
  runts: Iterable<{ item: number; attempt: string }>,
): AsyncGenerator<Buffer> {
  for (const { item, attempt } of runts) {
    yield* await context.store.get(context.area.runt(item, attempt), { signal });
  }
}

/** The `weld` job: joins the runts of neighbouring items into one part, under the first one's number. */
export async function weldRunts(
  context: ExportContext,
  { data, attempt, spool }: { data: WeldJob; attempt: Attempt; spool: string },
): Promise<void> {
  const { store, order, area } = context;
  const { first, attempts, padding } = data;
  const options = { context, spool, signal: attempt.signal };
  const runts = attempts.map((id, n) => ({ item: first + n, attempt: id }));
  await using folder = await SpoolFolder.make(spool);
  const end = paddingOf(createCodec(order.format, order.level), data);
  const body = await concatenate(folder.file('weld'), follow(runtBytes(options, runts), end));
  const part = await store.putPart(order.upload, first + 1, body, { signal: attempt.signal });
  await attempt.assertHeld();
  const last = first + attempts.length - 1;
  const record = encodeWeld({ first, last, attempts, padding, etag: part.etag, bytes: part.bytes });
  const key = area.weld(first, attempt.id);
  await putMarked(store, { marker: area.order, objects: [{ key, body: inMemory(record) }] }, attempt);
}

async function* follow(first: AsyncIterable<Buffer>, then: Buffer): AsyncGenerator<Buffer> {
  yield* first;
  yield then;
}
