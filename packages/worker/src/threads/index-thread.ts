import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, formatFailure } from '@longshore/shared';
import { CLOSE, decodeRecord, IndexBuilder, type IndexTotals, IndexWriter } from '@longshore/tape';

/** What the index thread starts with: the local file to write, and what its meta table says. */
export interface IndexThreadData {
  file: string;
  meta: Record<string, string>;
}

export type IndexMessage =
  /** The next item: a local copy of its segment, its record as stored, and where it begins in the archive. */
  | { kind: 'item'; segment: string; record: Uint8Array; archiveOffset: number }
  /** The frame of the tape's end, which belongs to no item. */
  | {
      kind: 'finish';
      trailer: { tapeOffset: number; tapeBytes: number; archiveOffset: number; archiveBytes: number };
    };

export type IndexReply =
  | { kind: 'added' }
  | { kind: 'finished'; totals: IndexTotals }
  /** `CODE: sentence`, as jobs fail. */
  | { kind: 'failed'; reason: string };

/** A thread that fills the index: SQLite is synchronous, and an index may have 100 million rows. */
class IndexThread {
  #data: IndexThreadData;
  #index: { writer: IndexWriter; builder: IndexBuilder } | undefined;

  constructor(data: IndexThreadData) {
    this.#data = data;
  }

  handle(message: IndexMessage): IndexReply {
    try {
      return this.#handle(message);
    } catch (error) {
      return { kind: 'failed', reason: formatFailure(failureOf(error)) };
    }
  }

  #handle(message: IndexMessage): IndexReply {
    this.#index ??= this.#open();
    const { writer, builder } = this.#index;
    if (message.kind === 'item') {
      builder.addItem(message.segment, { ...message, record: decodeRecord(message.record) });
      return { kind: 'added' };
    }
    writer.addFrame(message.trailer);
    const totals = builder.finish();
    writer.finish();
    return { kind: 'finished', totals };
  }

  #open() {
    const writer = new IndexWriter(this.#data.file);
    for (const [key, value] of Object.entries(this.#data.meta)) writer.setMeta(key, value);
    return { writer, builder: new IndexBuilder(writer) };
  }
}

function main(port: MessagePort): void {
  const thread = new IndexThread(workerData as IndexThreadData);
  port.on('message', (message: IndexMessage | typeof CLOSE) => {
    if (message === CLOSE) port.close();
    else port.postMessage(thread.handle(message));
  });
}

if (parentPort) main(parentPort);
