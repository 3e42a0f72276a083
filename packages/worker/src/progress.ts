import { exportKeys, MARK_DONE } from '@longshore/shared';
import type { ItemRecord } from '@longshore/tape';
import type { Redis } from 'ioredis';

/** Counts an item as packed, once, however often it's told. Returns the archive's bytes so far. */
export async function countPacked(
  record: Pick<ItemRecord, 'item' | 'start' | 'end' | 'bytes'>,
  { redis, queue, exportId }: { redis: Redis; queue: string; exportId: string },
): Promise<number> {
  const { done, counters } = exportKeys(queue, exportId);
  const tapeBytes = record.end - record.start;
  return Number(await redis.eval(MARK_DONE, 2, done, counters, record.item, tapeBytes, record.bytes));
}

/** Counts an attempt that follows another one of the same job. */
export async function countRetry(options: { redis: Redis; queue: string; exportId: string }): Promise<void> {
  await options.redis.hincrby(exportKeys(options.queue, options.exportId).counters, 'retries', 1);
}
