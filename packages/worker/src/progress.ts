import { exportKeys, MARK_DONE, UNLESS_FORGOTTEN } from '@longshore/shared';
import type { ItemRecord } from '@longshore/tape';
import type { Redis } from 'ioredis';

interface Counting {
  redis: Redis;
  queue: string;
  exportId: string;
  /** How often the item was packed since it was last told: 0 where it was found packed. */
  packs: 0 | 1;
}

/** Counts an item as done, once, however often it's told. Returns the archive's bytes so far. */
export async function countPacked(
  record: Pick<ItemRecord, 'item' | 'start' | 'end' | 'bytes'>,
  { redis, queue, exportId, packs }: Counting,
): Promise<number> {
  const { finalize, done, counters } = exportKeys(queue, exportId);
  const tapeBytes = record.end - record.start;
  const numbers = [record.item, tapeBytes, record.bytes, packs];
  return Number(await redis.eval(MARK_DONE, 3, finalize, done, counters, ...numbers));
}

/** Counts an attempt that follows another one of the same job. */
export async function countRetry(options: { redis: Redis; queue: string; exportId: string }): Promise<void> {
  const { finalize, counters } = exportKeys(options.queue, options.exportId);
  await options.redis.eval(UNLESS_FORGOTTEN, 2, finalize, counters, 'HINCRBY', 'retries', 1);
}
