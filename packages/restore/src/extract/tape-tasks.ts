import { FRAME_BYTES, type IndexReader, type IndexRow } from '@longshore/tape';
import type { Span } from '../archive/span.ts';

/** 32 MiB of tape for one task: a few of them fit in memory, and the frames at their ends, read twice, cost little. */
const TASK_BYTES = 8 * FRAME_BYTES;

/** Consecutive entries, or with `part` a piece of one large file. */
export interface TapeTask {
  range: Span;
  first: number;
  last: number;
  part?: { row: IndexRow; isFirst: boolean; isLast: boolean };
}

interface Placed {
  row: IndexRow;
  end: number;
}

/** The whole tape up to `entriesEnd`, without gaps, in its order. */
export function* tapeTasks(index: IndexReader, entriesEnd: number): Generator<TapeTask> {
  let group: TapeTask | undefined;
  for (const { row, end } of placed(index, entriesEnd)) {
    const isLarge = row.size > TASK_BYTES;
    if (group && (isLarge || end - group.range.start > TASK_BYTES)) {
      yield group;
      group = undefined;
    }
    if (isLarge) yield* partsOf(row, end);
    else group = extended(group, { row, end });
  }
  if (group) yield group;
}

function extended(group: TapeTask | undefined, { row, end }: Placed): TapeTask {
  const start = group?.range.start ?? row.tapeOffset;
  return { range: { start, end }, first: group?.first ?? row.id, last: row.id };
}

/** Cut where frames end, so that each of them is decoded once; the header is whole in the first. */
function* partsOf(row: IndexRow, end: number): Generator<TapeTask> {
  for (let start = row.tapeOffset; start < end; ) {
    const wanted = Math.max(start, row.dataOffset ?? start);
    const cut = Math.min((Math.floor(wanted / TASK_BYTES) + 1) * TASK_BYTES, end);
    const part = { row, isFirst: start === row.tapeOffset, isLast: cut === end };
    yield { range: { start, end: cut }, first: row.id, last: row.id, part };
    start = cut;
  }
}

function* placed(index: IndexReader, entriesEnd: number): Generator<Placed> {
  let before: IndexRow | undefined;
  for (const row of index.rows()) {
    if (before) yield { row: before, end: row.tapeOffset };
    before = row;
  }
  if (before) yield { row: before, end: entriesEnd };
}
