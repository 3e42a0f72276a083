import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { Worker as Thread } from 'node:worker_threads';
import { RelayedError } from '@longshore/shared';
import { type IndexTotals, TRAILER_BYTES } from '@longshore/tape';
import { fetchExactSegment } from '../fetch-segment.ts';
import type { IndexMessage, IndexReply, IndexThreadData } from '../threads/index-thread.ts';
import type { Archive } from './archive.ts';
import type { SurveyOptions } from './survey.ts';

/** Builds the archive's index in `file`, in a thread of its own; returns what the manifest counts. */
export async function buildIndex(
  options: SurveyOptions,
  { archive, folder, file }: { archive: Archive; folder: string; file: string },
): Promise<IndexTotals> {
  await using index = new IndexThread({ file, meta: metaOf(options) }, options.signal);
  for (const { item, archiveOffset } of archive.placed()) {
    const segment = `${folder}/segment-${item.item}`;
    const { digest } = item;
    await fetchExactSegment(options.context, {
      item: item.item,
      digest,
      file: segment,
      signal: options.signal,
    });
    const record = await buffer(await options.context.store.get(item.key, options));
    await index.ask({ kind: 'item', segment, record, archiveOffset });
    await rm(segment);
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

  constructor(workerData: IndexThreadData, signal: AbortSignal) {
    this.#thread = new Thread(new URL('../threads/index-thread.ts', import.meta.url), { workerData });
    this.#signal = signal;
  }

  async ask(message: IndexMessage): Promise<IndexReply> {
    const answer = once(this.#thread, 'message', { signal: this.#signal });
    this.#thread.postMessage(message);
    const [reply]: [IndexReply] = (await answer) as [IndexReply];
    if (reply.kind === 'failed') throw new RelayedError(reply.reason);
    return reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }
}
