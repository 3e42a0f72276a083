import type { Part } from '@longshore/store';
import { type SurveyOptions, survey } from './finalize/survey.ts';

/** How often the archive is looked at while it grows: after every fourth item, later after every eighth of them. */
const MIN_STRIDE = 4;
const STRIDES = 8;

/** Few enough looks that all of them together read each record some sixteen times, however many items there are. */
function isTimeToLook(item: number): boolean {
  const stride = Math.max(MIN_STRIDE, 2 ** Math.floor(Math.log2(Math.max(1, item / STRIDES))));
  return item > 0 && item % stride === 0;
}

/**
 * Called when `item` is packed: has a store that puts an object together by copying its parts (a directory) begin
 * with those whose place in the archive is certain, while others are still packed. Otherwise one finalizer copies
 * all of it when everything else is done. Never rejects: the finalizer does what is left, and says what is wrong.
 */
export async function assembleAhead(options: SurveyOptions, item: number): Promise<void> {
  const { context, signal } = options;
  const { store, order } = context;
  if (!store.prepareCompletion || !isTimeToLook(item)) return;
  try {
    const parts = await settledParts(options);
    if (parts.length > 0) await store.prepareCompletion(order.upload, parts, { signal });
  } catch {
    // Another worker does it just now, or the store is in trouble.
  }
}

/** The parts of the items from the first one on, up to one that isn't packed, or will be welded with others. */
async function settledParts(options: SurveyOptions): Promise<Part[]> {
  const { items, parts } = await survey(options);
  const settled = items.map((item) => (item?.etag === undefined ? undefined : parts.get(item.item + 1)));
  const end = settled.indexOf(undefined);
  return settled.slice(0, end < 0 ? undefined : end).filter((part) => part !== undefined);
}
