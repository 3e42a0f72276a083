import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { failureOf, formatFailure } from '@longshore/shared';
import { decodeRecord, IndexBuilder, type IndexTotals, IndexWriter } from '@longshore/tape';

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
function main(port: MessagePort, { file, meta }: IndexThreadData): void {
  const writer = new IndexWriter(file);
  const builder = new IndexBuilder(writer);
  for (const [key, value] of Object.entries(meta)) writer.setMeta(key, value);
  port.on('message', (message: IndexMessage) => port.postMessage(handle({ writer, builder }, message)));
}

function handle(index: { writer: IndexWriter; builder: IndexBuilder }, message: IndexMessage): IndexReply {
  try {
    if (message.kind === 'item') {
      index.builder.addItem(message.segment, { ...message, record: decodeRecord(message.record) });
      return { kind: 'added' };
    }
    index.writer.addFrame(message.trailer);
    const totals = index.builder.finish();
    index.writer.finish();
    return { kind: 'finished', totals };
  } catch (error) {
    return { kind: 'failed', reason: formatFailure(failureOf(error)) };
  }
}

if (parentPort) main(parentPort, workerData as IndexThreadData);
