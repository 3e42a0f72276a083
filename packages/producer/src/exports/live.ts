import { COUNTER_NAMES, countersOf, exportKeys } from '@longshore/shared';
import type { ChainableCommander, Redis } from 'ioredis';
import { MAX_SAMPLES } from '../reconcile/samples.ts';
import { type ExportRecord, hasEnded } from '../records/record.ts';
import type { Live } from './status.ts';

/** Items that an archive may have: parts of an upload, but for one. */
export const MAX_ITEMS = 9_999;

/** Of a bitmap with a bit for each. */
const MAX_DONE_BYTES = Math.ceil(MAX_ITEMS / 8);

export interface LiveParts {
  /** May read every export's counters. */
  redis: Redis;
  places: { queueOf(record: ExportRecord): string };
}

/**
 * What Redis knows of the progress of exports that haven't ended; one round trip for all of them. In a cluster the
 * workers of an export may write to its keys what they like: no more is read of them than belongs there, and where
 * something else is there, that export alone is without live figures.
 */
export async function readLive(
  records: readonly ExportRecord[],
  { redis, places }: LiveParts,
): Promise<(Live | undefined)[]> {
  const pipeline = redis.pipeline();
  const running = records.filter((record) => record.run && !hasEnded(record));
  for (const record of running) {
    const { counters, samples } = exportKeys(places.queueOf(record), record.run!.id);
    pipeline.hmget(counters, ...COUNTER_NAMES).lrange(samples, 0, MAX_SAMPLES - 1);
  }
  const answers = (await pipeline.exec()) ?? [];
  const found = new Map(running.map(({ id }, at) => [id, liveOf(answers.slice(2 * at, 2 * at + 2))]));
  return records.map(({ id }) => found.get(id));
}

type Answers = NonNullable<Awaited<ReturnType<ChainableCommander['exec']>>>;

function liveOf(answers: Answers): Live | undefined {
  const [counters, samples] = answers.map(answered);
  if (!counters || !samples) return undefined;
  return { counters: countersOf(counters as (string | null)[]), samples: samples as string[] };
}

/** Undefined where the key has another type. Rejects with whatever else is wrong: then it's Redis itself. */
function answered([error, value]: Answers[number]): unknown {
  if (error && !isWrongType(error)) throw error;
  return error ? undefined : value;
}

/** Which items are packed, as SETBIT keeps it; empty where there's nothing yet, or something else. */
export async function readDone(record: ExportRecord, { redis, places }: LiveParts): Promise<Buffer> {
  if (!record.run) return Buffer.alloc(0);
  const { done } = exportKeys(places.queueOf(record), record.run.id);
  try {
    return await redis.getrangeBuffer(done, 0, MAX_DONE_BYTES - 1);
  } catch (error) {
    if (isWrongType(error)) return Buffer.alloc(0);
    throw error;
  }
}

const isWrongType = (error: unknown) => error instanceof Error && error.message.startsWith('WRONGTYPE');
