import { ftruncateSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { BLOCK_BYTES, IndexReader, type IndexRow } from '@longshore/tape';
import { closeDescriptor, displayPath } from '@longshore/tape/posix';
import { overlap, type Span } from '../archive/span.ts';
import { TapeWindow } from '../archive/tape-window.ts';
import { RestoreError } from '../error.ts';
import { type HeaderAttributes, readHeader } from '../header/read-header.ts';
import { serveTasks } from '../threads/serve-tasks.ts';
import { contentOf } from './content-of.ts';
import { EntryPaths } from './entry-paths.ts';
import { makeNode } from './make-node.ts';
import type { ExtractReply, ExtractTask, ExtractThreadData, FilePart } from './protocol.ts';
import { setAttributes } from './set-attributes.ts';
import { Target } from './target.ts';
import { Troubles } from './troubles.ts';
import { writeContent } from './write-content.ts';

/** An entry on the tape: where its header begins and ends. */
interface Placed {
  row: IndexRow;
  headerEnd: number;
}

type Crcs = Pick<ExtractReply, 'tapeCrc32' | 'contentCrc32'>;

/** Makes the entries of a range of the tape, but for directories, which are there, and hard links, which come later. */
class Extraction {
  readonly #index: IndexReader;
  readonly #paths: EntryPaths;
  readonly #target: Target;
  readonly #owners: boolean;
  readonly #tape = new TapeWindow();
  #troubles = new Troubles();
  #headers: ExtractReply['headers'] = [];

  constructor({ indexFile, root, owners }: ExtractThreadData) {
    this.#index = new IndexReader(indexFile);
    this.#paths = new EntryPaths(this.#index);
    this.#target = new Target(root);
    this.#owners = owners;
  }

  run(task: ExtractTask): ExtractReply {
    this.#troubles = new Troubles();
    this.#headers = [];
    this.#tape.load(task);
    const crcs = task.part ? this.#writePart(task, task.part) : this.#makeEntries(task);
    return { ...crcs, troubles: this.#troubles.list, headers: this.#headers };
  }

  /** Makes a task's whole entries; answers its range's CRC-32. */
  #makeEntries(task: ExtractTask): Crcs {
    const entries = [...this.#placed(task)];
    const contents = entries.filter(({ row }) => row.type === 'file').map(({ row }) => contentOf(row));
    const { tapeCrc32, contentCrcs } = this.#tape.crcs(contents, task.range);
    const crcs = contentCrcs.values();
    for (const { row, headerEnd } of entries) {
      const attributes = this.#attributes({ row, headerEnd });
      if (row.type === 'directory') this.#enterDirectory(row, { attributes, headerEnd });
      else if (row.type === 'file') this.#makeFile(row, { attributes, crc32: crcs.next().value });
      else if (row.type !== 'hardlink') this.#makeNode(row, attributes);
    }
    return { tapeCrc32, contentCrc32: 0 };
  }

  *#placed({ first, last, range }: ExtractTask): Generator<Placed> {
    let before: IndexRow | undefined;
    for (const row of this.#index.rows({ first, last })) {
      if (before) yield { row: before, headerEnd: before.dataOffset ?? row.tapeOffset };
      before = row;
    }
    if (before) yield { row: before, headerEnd: before.dataOffset ?? range.end };
  }

  #makeNode(row: IndexRow, attributes: HeaderAttributes | undefined): void {
    const path = this.#paths.of(row);
    const made = makeNode(this.#target, path, { row, attributes });
    if (made < 0) this.#troubles.failed(row.id, made);
    else this.#finish({ row, attributes, fd: this.#target.look(path) });
  }

  /** What the header says; where it can't be read, that's told, and the entry has what the index knows. */
  #attributes({ row, headerEnd }: Placed): HeaderAttributes | undefined {
    const attributes = this.#tape.isDamaged(row.tapeOffset, headerEnd)
      ? undefined
      : readHeader(this.#tape.span(row.tapeOffset, headerEnd));
    if (!attributes) this.#troubles.unreadable(row.id);
    return attributes;
  }

  /** A directory is there, and finished at the end: by then its header is wanted, if it says more than the index. */
  #enterDirectory(
    row: IndexRow,
    { attributes, headerEnd }: { attributes: HeaderAttributes | undefined; headerEnd: number },
  ): void {
    this.#paths.of(row);
    if (attributes && attributes.xattrs.length > 0)
      this.#keep(row.id, { start: row.tapeOffset, end: headerEnd });
  }

  #keep(id: number, { start, end }: Span): void {
    this.#headers.push({ id, header: new Uint8Array(this.#tape.span(start, end)) });
  }

  #makeFile(
    row: IndexRow,
    {
      attributes,
      crc32: contentCrc32,
    }: { attributes: HeaderAttributes | undefined; crc32: number | undefined },
  ): void {
    const { id, size, dataOffset = 0 } = row;
    const content = this.#tape.span(dataOffset, dataOffset + size);
    if (this.#tape.isDamaged(dataOffset, dataOffset + size)) this.#troubles.unreadable(id);
    else if (contentCrc32 !== row.crc32) this.#troubles.otherCrc32(id);
    const fd = this.#target.createFile(this.#paths.of(row));
    if (fd < 0) {
      this.#troubles.failed(id, fd);
      return;
    }
    try {
      if (writeContent(fd, content, 0) < size) ftruncateSync(fd, size);
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    this.#finish({ row, attributes, fd });
  }

  /** Sets what `fd` is to have, and closes it. */
  #finish({
    row,
    attributes,
    fd,
  }: {
    row: IndexRow;
    attributes: HeaderAttributes | undefined;
    fd: number;
  }): void {
    if (fd < 0) {
      this.#troubles.failed(row.id, fd);
      return;
    }
    const xattrs = attributes?.xattrs ?? [];
    for (const unset of setAttributes(fd, { row, xattrs, owners: this.#owners }))
      this.#troubles.unset(row.id, unset);
    closeDescriptor(fd);
  }

  /** Writes what the task has of a file that is there. */
  #writePart({ range, first: id }: ExtractTask, { path, content }: FilePart): Crcs {
    if (content.start - range.start > BLOCK_BYTES) this.#keep(id, { start: range.start, end: content.start });
    if (this.#tape.isDamaged(range.start, range.end)) this.#troubles.unreadable(id);
    const piece = overlap(content, range);
    const { tapeCrc32, contentCrcs } = this.#tape.crcs(piece ? [piece] : [], range);
    if (piece && path) {
      const data = this.#tape.span(piece.start, piece.end);
      this.#writePiece(Buffer.from(path), { data, offset: piece.start - content.start });
    }
    return { tapeCrc32, contentCrc32: contentCrcs[0] ?? 0 };
  }

  #writePiece(path: Buffer, { data, offset }: { data: Buffer; offset: number }): void {
    const fd = this.#target.openFile(path);
    if (fd < 0) throw new RestoreError('IO', `${displayPath(path)} was taken away while it was written.`);
    try {
      writeContent(fd, data, offset);
    } finally {
      closeDescriptor(fd);
    }
  }
}

if (parentPort) {
  const extraction = new Extraction(workerData as ExtractThreadData);
  serveTasks(parentPort, (task: ExtractTask) => extraction.run(task));
}
