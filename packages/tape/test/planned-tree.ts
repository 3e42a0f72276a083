import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PlannedEntry, SegmentWriter, type Skipped } from '../src/catalog/index.ts';
import { createCodec } from '../src/codec/codec.ts';
import type { Entry } from '../src/entry.ts';
import { compileExcludes } from '../src/exclude.ts';
import { encodeHeader, entryBytes } from '../src/header.ts';
import { FRAME_BYTES, padded } from '../src/layout.ts';
import { LinkGroups } from '../src/links.ts';
import { type RenderedItem, type RenderOptions, renderItem } from '../src/render/index.ts';
import { Volume } from '../src/volume.ts';
import { walk } from '../src/walk.ts';

/** A range of the tape, and the file that holds its segment. */
export interface TestItem {
  item: number;
  start: number;
  end: number;
  segment: string;
  digest: string;
}

/** Everything on a volume in the tape's order, as a planner would have it. */
export function planOf(path: string, scratch: string): PlannedEntry[] {
  using volume = Volume.open(path);
  using links = new LinkGroups({ scratch });
  const steps = [...walk(volume, { exclude: compileExcludes([]), links })];
  return steps.filter((step) => step.kind === 'entry');
}

export interface CutOptions {
  /** Tape offsets at which items end, ascending; the tape's end is one anyway. */
  boundaries: readonly number[];
  /** New names are made in it. */
  folder: string;
  skipped?: readonly Skipped[];
}

let written = 0;

/** Cuts a plan into items, wherever the boundaries are: a segment has every entry that reaches into its item. */
export function cut(
  plan: readonly PlannedEntry[],
  { boundaries, folder, skipped = [] }: CutOptions,
): TestItem[] {
  const placed: (PlannedEntry & { at: number; to: number })[] = [];
  let tape = 0;
  for (const each of plan) {
    const at = tape;
    tape += entryBytes(each.entry);
    placed.push({ ...each, at, to: tape });
  }
  const ends = [...boundaries.filter((at) => at > 0 && at < tape), tape];
  let previous = '';
  return ends.map((end, item) => {
    const start = ends[item - 1] ?? 0;
    const inside = placed.filter(({ at, to }) => at < end && to > start);
    const last = item === ends.length - 1;
    const segment = join(folder, `segment-${written++}`);
    const tapeOffset = inside[0]?.at ?? start;
    using writer = new SegmentWriter(segment, { item, start, end, tapeOffset, previous });
    for (const { entry, unreadable } of inside) writer.add({ entry, unreadable });
    for (const each of item === 0 ? skipped : []) writer.skip(each);
    const files = placed.filter(({ entry, at }) => entry.type === 'file' && at < end).length;
    const { digest } = writer.finish({ filesSoFar: files, tapeEnd: inside.at(-1)?.to ?? end, last });
    previous = digest;
    return { item, start, end, segment, digest };
  });
}

const raw = Buffer.alloc(FRAME_BYTES);

/** Renders an item as plain tar unless told otherwise; gives its frames one by one. */
export function render(
  volume: Volume,
  { start, end, segment }: TestItem,
  options: Partial<RenderOptions> = {},
): RenderedItem & { output: Buffer[] } {
  const output: Buffer[] = [];
  const rendered = renderItem({
    volume,
    segment,
    range: { start, end },
    codec: createCodec('tar', 0),
    onChange: 'record',
    ioErrors: 'retry-item',
    raw,
    sink: { frame: (compressed) => output.push(Buffer.from(compressed)) },
    ...options,
  });
  return { ...rendered, output };
}

/** The tape as anybody would write it: headers, whole files, zeros up to the next block. */
export function referenceTape(root: string, plan: readonly PlannedEntry[]): Buffer {
  return Buffer.concat(plan.flatMap(({ entry }) => [encodeHeader(entry), contentOf(root, entry)]));
}

/** A file's content, padded; nothing for anything else. */
export function contentOf(root: string, { path, type, size }: Entry): Buffer {
  const content = Buffer.alloc(padded(size));
  if (type === 'file') readFileSync(Buffer.concat([Buffer.from(`${root}/`), path])).copy(content);
  return content;
}
