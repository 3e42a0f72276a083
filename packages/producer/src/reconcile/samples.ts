import { exportKeys, UNLESS_FORGOTTEN } from '@longshore/shared';
import type { Redis } from 'ioredis';

/** What is looked back at for a rate, in ms: long enough to even out items of some seconds each. */
const WINDOW_MS = 60_000;

/** Without a sample for so long nothing is said about the rate. */
const STALE_MS = 15_000;

/** At one sample a second from each of several producers, more than a window holds. */
export const MAX_SAMPLES = 200;

/** Notes how much of the tape is packed now. Several producers may do so: a sample carries its time. */
export async function noteSample(
  exportId: string,
  { redis, queue, bytes }: { redis: Redis; queue: string; bytes: number },
): Promise<void> {
  const { finalize, samples } = exportKeys(queue, exportId);
  await redis
    .multi()
    .eval(UNLESS_FORGOTTEN, 2, finalize, samples, 'LPUSH', `${Date.now()}:${bytes}`)
    .ltrim(samples, 0, MAX_SAMPLES - 1)
    .exec();
}

/** Tape bytes a second over the last minute, from samples as Redis has them; undefined where they don't tell. */
export function rateOf(samples: readonly string[], now: number): number | undefined {
  const parsed = samples.map((sample) => sample.split(':').map(Number)).filter(isSample);
  const newest = parsed.at(0);
  if (!newest || now - newest[0] > STALE_MS) return undefined;
  const oldest = parsed.findLast(([time]) => newest[0] - time <= WINDOW_MS);
  if (!oldest || oldest[0] >= newest[0] || oldest[1] > newest[1]) return undefined;
  return ((newest[1] - oldest[1]) * 1_000) / (newest[0] - oldest[0]);
}

/** Workers of an export may write what they like there. */
const isSample = (sample: number[]) => sample.length === 2 && sample.every(Number.isSafeInteger);
