import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Order, workArea } from '@longshore/shared';
import { putMarked, type Store, StoreError } from '@longshore/store';
import { ProducerError } from '../error.ts';
import { expectSameRoot } from './expect-same-root.ts';
import type { PlannedSegment } from './planner.ts';
import { PlanningThread } from './planning-thread.ts';

/** An item that is ready to be packed: its segment is durable. */
export interface DurableSegment {
  item: number;
  start: number;
  end: number;
  digest: string;
  filesSoFar: number;
  last: boolean;
}

export interface PlanVolumeOptions {
  order: Order;
  store: Store;
  /** The volume's path on this worker. */
  volume: string;
  /** An empty local folder, which the caller removes. */
  spool: string;
  signal: AbortSignal;
}

/**
 * Plans a volume: yields every item once its catalog segment stands in the work area, those first that an
 * earlier planner left there. Segments become durable in order, so that what is durable is always a prefix
 * of the tape, and are created only where absent, so that of two planners at once one wins each segment.
 * Rejects with VOLUME_GONE where the volume isn't the one that an earlier planner saw, and with PLAN_OVERTAKEN
 * where another planner's segment differs from ours; planning again goes on from that.
 */
export async function* planVolume(options: PlanVolumeOptions): AsyncGenerator<DurableSegment> {
  await using thread = await PlanningThread.start({ ...options, exclude: options.order.exclude });
  await expectSameRoot(options, thread.root);
  let item = 0;
  for await (const copy of durableCopies(options)) {
    const place = await thread.replay(copy);
    await rm(copy.file);
    yield { item: item++, digest: copy.digest, ...place };
    if (place.last) return;
  }
  for await (const segment of thread.run()) {
    await makeDurable(options, segment);
    await rm(segment.file);
    const { item, start, end, digest, filesSoFar, last } = segment;
    yield { item, start, end, digest, filesSoFar, last };
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Local copies of the segments that are durable without a gap, from item 0 on; the caller removes each. */
async function* durableCopies({ order, store, spool, signal }: PlanVolumeOptions) {
  const area = workArea(order.id);
  let item = 0;
  for await (const { key } of store.list(area.catalog, { signal })) {
    if (key !== area.segment(item)) return;
    const file = join(spool, `durable-${item++}`);
    await pipeline(await store.get(key, { signal }), createWriteStream(file));
    yield { file, digest: await digestOf(file) };
  }
}

async function makeDurable(
  { order, store, signal }: PlanVolumeOptions,
  segment: PlannedSegment,
): Promise<void> {
  const area = workArea(order.id);
  const key = area.segment(segment.item);
  const { file, bytes, digest } = segment;
  const body = { file, offset: 0, bytes, sha256: digest };
  try {
    await putMarked(store, { marker: area.order, objects: [{ key, body }] }, { signal, ifAbsent: true });
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'ALREADY_EXISTS') throw error;
    await adopt({ store, key, digest, signal });
  }
}

/** Accepts a segment that stands there already only if it is the very one that we planned. */
async function adopt(options: {
  store: Store;
  key: string;
  digest: string;
  signal: AbortSignal;
}): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(await options.store.get(options.key, options), hash);
  if (hash.digest('hex') === options.digest) return;
  throw new ProducerError(
    'PLAN_OVERTAKEN',
    `Another planner wrote ${options.key}; planning goes on from there.`,
  );
}
