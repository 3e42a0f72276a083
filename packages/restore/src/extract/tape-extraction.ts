import { ftruncateSync } from 'node:fs';
import { crc32Combine, type IndexRow } from '@longshore/tape';
import { closeDescriptor, type Root } from '@longshore/tape/posix';
import type { PublishedArchive } from '../archive/published-archive.ts';
import { SharedMemory } from '../archive/shared-memory.ts';
import { overlap } from '../archive/span.ts';
import { TaskThreads } from '../threads/task-threads.ts';
import { contentOf } from './content-of.ts';
import type { ExtractReply, ExtractTask, ExtractThreadData, FilePart } from './protocol.ts';
import type { Restore } from './restore.ts';
import type { TapeTask } from './tape-tasks.ts';

export interface ExtractionMeans {
  threads: number;
  owners: boolean;
  root: Root;
  restore: Restore;
  signal?: AbortSignal;
}

interface Done {
  task: TapeTask;
  reply: ExtractReply;
}

/** Hands ranges of the tape to threads, and puts together what they say: `add` takes it in the tape's order. */
export class TapeExtraction implements AsyncDisposable {
  tapeCrc32 = 0;
  readonly #published: PublishedArchive;
  readonly #restore: Restore;
  readonly #threads: TaskThreads<ExtractTask, ExtractReply>;
  readonly #signal: AbortSignal | undefined;
  readonly #memory = new SharedMemory();
  /** Large files that couldn't be made: their parts are left out. */
  readonly #failed = new Set<number>();
  /** Of the large file whose parts come in. */
  #contentCrc32 = 0;

  constructor(published: PublishedArchive, { threads, owners, root, restore, signal }: ExtractionMeans) {
    const { fd, mountId, openat2 } = root;
    const workerData: ExtractThreadData = {
      indexFile: published.indexFile,
      root: { fd, mountId, openat2 },
      owners,
    };
    const script = new URL(import.meta.resolve('#extract-thread'));
    this.#published = published;
    this.#restore = restore;
    this.#signal = signal;
    this.#threads = new TaskThreads(script, { count: threads, workerData });
  }

  async run(task: TapeTask): Promise<Done> {
    this.#signal?.throwIfAborted();
    const part = task.part && this.#partOf(task.part);
    const { index, format } = this.#published;
    const frames = [...index.frames(task.range)];
    const archiveOffset = frames[0].archiveOffset;
    const { archiveOffset: lastOffset, archiveBytes } = frames.at(-1)!;
    using memory = this.#memory.borrow(lastOffset + archiveBytes - archiveOffset);
    const bytes = await this.#published.read(archiveOffset, memory.bytes);
    const { range, first, last } = task;
    const extract: ExtractTask = { format, range, first, last, part, frames, archiveOffset, bytes };
    return { task, reply: await this.#threads.run(extract) };
  }

  add({ task: { range, part }, reply }: Done): void {
    this.tapeCrc32 = crc32Combine(this.tapeCrc32, reply.tapeCrc32, range.end - range.start);
    this.#restore.troubles.add(reply.troubles);
    this.#restore.headers.add(reply.headers);
    if (part) this.#addPart(part, { range, reply });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#threads[Symbol.asyncDispose]();
  }

  /** Makes a large file when its first part is handed out. */
  #partOf({ row, isFirst }: NonNullable<TapeTask['part']>): FilePart {
    const path = this.#published.index.pathOf(row.id);
    if (isFirst) this.#createFile(row, path);
    return { path: this.#failed.has(row.id) ? undefined : path, content: contentOf(row) };
  }

  #createFile(row: IndexRow, path: Buffer): void {
    const { target, troubles } = this.#restore;
    const fd = target.createFile(path);
    if (fd < 0) {
      this.#failed.add(row.id);
      troubles.failed(row.id, fd);
      return;
    }
    ftruncateSync(fd, row.size);
    closeDescriptor(fd);
  }

  #addPart(
    { row, isLast }: NonNullable<TapeTask['part']>,
    { range, reply }: { range: TapeTask['range']; reply: ExtractReply },
  ): void {
    const piece = overlap(contentOf(row), range);
    if (piece)
      this.#contentCrc32 = crc32Combine(this.#contentCrc32, reply.contentCrc32, piece.end - piece.start);
    if (!isLast) return;
    if (this.#contentCrc32 !== row.crc32) this.#restore.troubles.otherCrc32(row.id);
    this.#contentCrc32 = 0;
    if (!this.#failed.delete(row.id)) this.#restore.finish(row, this.#published.index.pathOf(row.id));
  }
}
