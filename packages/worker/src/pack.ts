import { isLongshoreError, type PackJob } from '@longshore/shared';
import { type Body, inMemory, PART_LIMITS, type PartDraft, putMarked } from '@longshore/store';
import { encodeRecord, type ItemRecord } from '@longshore/tape';
import type { Attempt } from './attempt.ts';
import type { ExportContext } from './export-context.ts';
import { failuresOf } from './failures.ts';
import { fetchExactSegment } from './fetch-segment.ts';
import { readPlannedRoot } from './planned-root.ts';
import { recordsUnreadable } from './retries.ts';
import { SpoolFolder } from './spool.ts';
import type { Output, RenderTask } from './threads/protocol.ts';
import type { RenderedOutput, RenderThreads } from './threads/render-threads.ts';

/** Items above this size go through a local file instead of memory, where the store takes no drafts; raw bytes, as it's known beforehand. */
const MAX_BYTES_IN_MEMORY = 256 * 2 ** 20;

export interface PackOptions {
  context: ExportContext;
  data: PackJob;
  attempt: Attempt;
  threads: RenderThreads;
  spool: string;
}

/**
 * The `pack` job: renders an item, uploads it as one part (or leaves it in the work area, where it's too
 * small for one), and then writes its record. An item that has a record already is not packed again; the
 * finalizer, which checks records against the store's parts, deletes those that don't hold.
 */
export async function pack(options: PackOptions): Promise<ItemRecord> {
  const { context, data, attempt } = options;
  const { area, records, store } = context;
  const query = { ...data, prefix: area.record(data.item, ''), signal: attempt.signal };
  const packed = await records.find(store, query);
  if (packed) return packed;
  await using folder = await SpoolFolder.make(options.spool);
  await using draft = await store.draftPart?.(context.order.upload, attempt);
  const target = targetOf(data, { draft, folder });
  using output = await render(options, { folder, target }).catch((error) => {
    throw draft && isSystemError(error) ? draft.fault(error) : error;
  });
  const body = bodyOf({ output, target });
  const isRunt = body.bytes < PART_LIMITS.minBytes;
  const part = isRunt ? undefined : await store.putPart(context.order.upload, data.item + 1, body, attempt);
  const record = recordOf(options, { output, etag: part?.etag });
  await attempt.assertHeld();
  await putRecord(options, { record, runt: isRunt ? body : undefined });
  return record;
}

/** A runt goes with its record, ahead of it. */
async function putRecord(
  { context, data, attempt }: PackOptions,
  { record, runt }: { record: ItemRecord; runt: Body | undefined },
): Promise<void> {
  const { area, records, store } = context;
  const encoded = encodeRecord(record);
  const key = area.record(data.item, attempt.id);
  const objects = [{ key, body: inMemory(encoded) }];
  if (runt) objects.unshift({ key: area.runt(data.item, attempt.id), body: runt });
  await putMarked(store, { marker: area.order, objects }, attempt);
  records.remember(store, key, encoded);
}

async function render(
  { context, data, attempt, threads }: PackOptions,
  { folder, target }: { folder: SpoolFolder; target: Output },
): Promise<RenderedOutput> {
  const { order, volume } = context;
  const { item, start, end, digest } = data;
  const segment = folder.file('segment');
  await fetchExactSegment(context, { item, digest, file: segment, signal: attempt.signal });
  const task: RenderTask = {
    export: order.id,
    volume,
    root: await readPlannedRoot(context, attempt.signal),
    segment,
    range: { start, end },
    format: order.format,
    level: order.level,
    onChange: order.onChange,
    payloadHash: context.store.payloadHash,
    ioErrors: recordsUnreadable(failuresOf(attempt.job, 'IO')) ? 'record-unreadable' : 'retry-item',
    output: target,
  };
  return threads.render(task, attempt.signal);
}

/** Where an item goes: to where the store takes it from, or else into memory or, when it's too large, a local file. */
function targetOf(
  { start, end }: PackJob,
  { draft, folder }: { draft: PartDraft | undefined; folder: SpoolFolder },
): Output {
  if (draft) return { kind: 'file', path: draft.path };
  return end - start > MAX_BYTES_IN_MEMORY
    ? { kind: 'file', path: folder.file('output') }
    : { kind: 'memory' };
}

/** What rendering fails with where its output's file can't be written; all else has a name among ours. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && !isLongshoreError(error) && 'code' in error;
}

interface Packed {
  output: RenderedOutput;
  target: Output;
}

function bodyOf({ output, target }: Packed): Body {
  const { bytes, sha256 } = output.rendered;
  if (target.kind === 'memory') return { bytes, sha256, chunks: output.chunks };
  return { bytes, sha256, file: target.path, offset: 0 };
}

function recordOf(
  { data, attempt }: PackOptions,
  { output, etag }: { output: RenderedOutput; etag: string | undefined },
): ItemRecord {
  const { item, start, end, digest } = data;
  const { sha256: _, ...rendered } = output.rendered;
  return { item, start, end, digest, attempt: attempt.id, etag, ...rendered };
}
