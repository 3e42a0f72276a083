/**
 * Marks an item as packed. Twice is once: bytes are added only when the bit was clear. Of an export that is forgotten
 * nothing is marked: nobody would remove it.
 *
 * KEYS: `finalize`, `done` and `counters` of `exportKeys`. ARGV: item, tape bytes, archive bytes, 1 where the caller
 * packed it and 0 where it found it packed. Returns the archive's bytes so far.
 */
export const MARK_DONE = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[3], 'packs', ARGV[4])
if redis.call('SETBIT', KEYS[2], ARGV[1], 1) == 1 then
  return tonumber(redis.call('HGET', KEYS[3], 'archiveBytes') or 0)
end
redis.call('HINCRBY', KEYS[3], 'doneItems', 1)
redis.call('HINCRBY', KEYS[3], 'doneTapeBytes', ARGV[2])
return redis.call('HINCRBY', KEYS[3], 'archiveBytes', ARGV[3])
`;

/**
 * Runs a command on a key of an export, unless the export is forgotten: nobody would remove what it writes.
 *
 * KEYS: `finalize` of `exportKeys`, the key. ARGV: the command, and its arguments after the key.
 */
export const UNLESS_FORGOTTEN = `
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call(ARGV[1], KEYS[2], unpack(ARGV, 2)) end
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
  /** Items that were rendered and compressed, each time counted: more than `doneItems` where one was packed again. */
  packs: number;
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
  packs: 0,
  retries: 0,
};

/** Fields of the hash, in the order in which they are asked for. */
export const COUNTER_NAMES = Object.keys(NONE) as (keyof Counters)[];

/** Counters as Redis gives the hash. What isn't there yet is 0, and so is what no counter can be: workers write it. */
export function parseCounters(hash: Record<string, string | null>): Counters {
  const counters = { ...NONE };
  for (const name of COUNTER_NAMES) counters[name] = countOf(hash[name]);
  return counters;
}

/** Counters as HMGET gives them for `COUNTER_NAMES`. */
export function countersOf(values: readonly (string | null)[]): Counters {
  return parseCounters(Object.fromEntries(COUNTER_NAMES.map((name, at) => [name, values[at]])));
}

function countOf(text: string | null | undefined): number {
  const count = Number(text ?? 0);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}
