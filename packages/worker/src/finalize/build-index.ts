import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { Worker as Thread } from 'node:worker_threads';
import { RelayedError } from '@longshore/shared';
import { endThread, type IndexTotals, TRAILER_BYTES } from '@longshore/tape';
import { fetchExactSegment } from '../fetch-segment.ts';
import type { IndexMessage, IndexReply, IndexThreadData } from '../threads/index-thread.ts';
import type { Archive } from './archive.ts';
import type { ItemSummary, SurveyOptions } from './survey.ts';

type ItemMessage = Extract<IndexMessage, { kind: 'item' }>;

/** Items that are fetched while the index takes in the ones before: a store answers slower than SQLite. */
const FETCHED_AHEAD = 4;

/** Builds the archive's index in `file`, in a thread of its own; returns what the manifest counts. */
export async function buildIndex(
  options: SurveyOptions,
  { archive, folder, file }: { archive: Archive; folder: string; file: string },
): Promise<IndexTotals> {
  await using index = new IndexThread({ file, meta: metaOf(options) }, options.signal);
  for await (const message of fetchedItems(options, { archive, folder })) {
    await index.ask(message);
    await rm(message.segment);
  }
  const trailer = {
    tapeOffset: archive.tapeBytes - TRAILER_BYTES,
    tapeBytes: TRAILER_BYTES,
    archiveOffset: archive.trailerOffset,
    archiveBytes: archive.trailer.length,
  };
  const reply = await index.ask({ kind: 'finish', trailer });
  if (reply.kind !== 'finished') throw new RelayedError('The index thread did not finish.');
  return reply.totals;
}

/** Every item in order; the next ones are fetched meanwhile. */
async function* fetchedItems(
  options: SurveyOptions,
  { archive, folder }: { archive: Archive; folder: string },
): AsyncGenerator<ItemMessage> {
  const ahead: Promise<ItemMessage>[] = [];
  try {
    for (const placed of archive.placed()) {
      const fetched = fetchItem(options, { ...placed, folder });
      // Its turn to be awaited comes later, and until then a rejection must not count as unhandled.
      fetched.catch(() => undefined);
      ahead.push(fetched);
      if (ahead.length > FETCHED_AHEAD) yield await takeFirst(ahead);
    }
    while (ahead.length > 0) yield await takeFirst(ahead);
  } finally {
    // What is still being written would get in the way of whoever removes the folder.
    await Promise.allSettled(ahead);
  }
}

async function takeFirst<T>(queue: Promise<T>[]): Promise<T> {
  const [first] = queue.splice(0, 1);
  return first;
}

async function fetchItem(
  { context, signal }: SurveyOptions,
  { item, archiveOffset, folder }: { item: ItemSummary; archiveOffset: number; folder: string },
): Promise<ItemMessage> {
  const segment = `${folder}/segment-${item.item}`;
  await fetchExactSegment(context, { item: item.item, digest: item.digest, file: segment, signal });
  const record = await context.records.encoded(context.store, item.key, signal);
  return { kind: 'item', segment, record, archiveOffset };
}

function metaOf({ context }: SurveyOptions): Record<string, string> {
  const { order } = context;
  return {
    export: order.id,
    archive: order.upload.key,
    format: order.format,
    longshore: order.build.longshore,
  };
}

/** The main thread's end of index-thread.ts. */
class IndexThread implements AsyncDisposable {
  #thread: Thread;
  #signal: AbortSignal;
  /** What the thread died of, between two questions. */
  #death: Error | undefined;

  constructor(workerData: IndexThreadData, signal: AbortSignal) {
    this.#thread = new Thread(new URL(import.meta.resolve('#index-thread')), { workerData });
    this.#signal = signal;
    // Without a listener it would end the process.
    this.#thread.on('error', (error: Error) => {
      this.#death = error;
    });
  }

  async ask(message: IndexMessage): Promise<IndexReply> {
    if (this.#death) throw this.#death;
    const answer = once(this.#thread, 'message', { signal: this.#signal });
    this.#thread.postMessage(message);
    const [reply]: [IndexReply] = (await answer) as [IndexReply];
    if (reply.kind === 'failed') throw new RelayedError(reply.reason);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endThread(this.#thread);
  }
}
