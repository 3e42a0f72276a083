import { PART_LIMITS } from '@longshore/store';

/** Parts of the finished upload, but for its tail. An item's part number, or its weld's, is `first + 1`. */
export type PlannedPart =
  | { kind: 'item'; item: number }
  /** Runts of items `first` to `last`, both included; `padding` bytes are missing to the part minimum, or 0. */
  | { kind: 'weld'; first: number; last: number; padding: number };

export interface PartLayout {
  parts: PlannedPart[];
  /** First of the items whose runts the tail part takes; the number of items where it takes none. */
  tail: number;
}

/** The part number that is reserved for the tail: the last one there is, as only the last part may be small. */
export const TAIL_PART = PART_LIMITS.maxNumber;

interface Run {
  first: number;
  /** Exclusive. */
  end: number;
}

const isRunt = (bytes: number) => bytes < PART_LIMITS.minBytes;

/** Cuts items into single ones that are parts already, and runs of neighbouring runts. */
function* runsOf(
  sizes: readonly number[],
): Generator<{ kind: 'item'; item: number } | ({ kind: 'run' } & Run)> {
  for (let item = 0; item < sizes.length; ) {
    if (!isRunt(sizes[item])) {
      yield { kind: 'item', item: item++ };
      continue;
    }
    const first = item;
    while (item < sizes.length && isRunt(sizes[item])) item++;
    yield { kind: 'run', first, end: item };
  }
}

/** Cuts a run into groups that each reach the minimum, and the rest that doesn't. */
function groupsOf(sizes: readonly number[], run: Run): { groups: Run[]; rest: Run; restBytes: number } {
  const groups: Run[] = [];
  let first = run.first;
  let bytes = 0;
  for (let item = run.first; item < run.end; item++) {
    bytes += sizes[item];
    if (isRunt(bytes)) continue;
    groups.push({ first, end: item + 1 });
    first = item + 1;
    bytes = 0;
  }
  return { groups, rest: { first, end: run.end }, restBytes: bytes };
}

/** A run between parts: its rest joins the group before it; only where there is none is it padded. */
function weldsOf(sizes: readonly number[], run: Run): PlannedPart[] {
  const { groups, rest, restBytes } = groupsOf(sizes, run);
  const last = groups.at(-1);
  if (!last) return [weld(run, PART_LIMITS.minBytes - restBytes)];
  last.end = rest.end;
  return groups.map((group) => weld(group, 0));
}

function weld({ first, end }: Run, padding: number): PlannedPart {
  return { kind: 'weld', first, last: end - 1, padding };
}

/**
 * How the packed items become parts that S3 accepts: none below 5 MiB but the last. The layout follows from
 * the items' sizes alone, so that the archive's bytes, padding included, don't depend on the store.
 *
 * @param sizes compressed bytes of each item
 */
export function layoutParts(sizes: readonly number[]): PartLayout {
  const parts: PlannedPart[] = [];
  for (const run of runsOf(sizes)) {
    if (run.kind === 'item') parts.push(run);
    else if (run.end < sizes.length) parts.push(...weldsOf(sizes, run));
    else {
      const { groups, rest } = groupsOf(sizes, run);
      return { parts: [...parts, ...groups.map((group) => weld(group, 0))], tail: rest.first };
    }
  }
  return { parts, tail: sizes.length };
}
