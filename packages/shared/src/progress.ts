/**
 * Marks an item as packed. Twice is once: bytes are added only when the bit was clear.
 *
 * KEYS: bitmap of done items, hash of counters. ARGV: item, tape bytes, archive bytes.
 * Returns the archive's bytes so far.
 */
export const MARK_DONE = `
if redis.call('SETBIT', KEYS[1], ARGV[1], 1) == 1 then
  return tonumber(redis.call('HGET', KEYS[2], 'archiveBytes') or 0)
end
redis.call('HINCRBY', KEYS[2], 'doneItems', 1)
redis.call('HINCRBY', KEYS[2], 'doneTapeBytes', ARGV[2])
return redis.call('HINCRBY', KEYS[2], 'archiveBytes', ARGV[3])
`;

/** Progress of an export, in items, files and bytes. The totals grow until `planned` is 1. */
export interface Counters {
  planned: number;
  items: number;
  files: number;
  tapeBytes: number;
  doneItems: number;
  doneTapeBytes: number;
  archiveBytes: number;
  /** Attempts that failed and were made again. */
  retries: number;
}

const NONE: Counters = {
  planned: 0,
  items: 0,
  files: 0,
  tapeBytes: 0,
  doneItems: 0,
  doneTapeBytes: 0,
  archiveBytes: 0,
  retries: 0,
};

/** Counters as Redis gives the hash; what isn't there yet is 0. */
export function parseCounters(hash: Record<string, string>): Counters {
  const counters = { ...NONE };
  for (const name of Object.keys(counters) as (keyof Counters)[]) counters[name] = Number(hash[name] ?? 0);
  return counters;
}
