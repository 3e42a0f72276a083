import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { SelectionFormat } from '@longshore/shared';
import type { IndexedPath } from '@longshore/tape';
import type { OpenArchive } from '../browser.ts';
import { contentOf, fileOf } from '../file-content.ts';
import type { TapeReader } from '../tape-reader.ts';
import { entryData } from './entry-data.ts';
import { PACKERS, type Packer } from './packer.ts';

export interface Selection {
  /** See `selectedPaths`. */
  paths: readonly Buffer[];
  format: SelectionFormat;
}

/** Neighbouring files share requests to the store, and a selection that ends early has asked for no more than this. */
const WINDOW = 64 * 2 ** 20;

/** archiver's zip computes its CRCs in JavaScript: what is given to it at once blocks all else for so long. */
const SLICE = 128 * 1_024;

/**
 * Writes the chosen entries and all that is below them as a zip or tar, as fast as `output` takes it. Whatever ends it
 * early destroys `output`, so that it doesn't pass for whole, and leaves nothing open. Rejects with ABORTED's reason,
 * or with what an entry failed with.
 */
export async function packSelection(
  open: OpenArchive,
  selection: Selection,
  { output, signal }: { output: Writable; signal: AbortSignal },
): Promise<void> {
  const stop = new AbortController();
  const ended = AbortSignal.any([signal, stop.signal]);
  const packer = PACKERS[selection.format]();
  const work = [
    pipeline(packer.stream, output, { signal: ended }),
    new Filling(open, { ...selection, packer, signal: ended }).run(),
  ];
  try {
    await Promise.all(work);
  } finally {
    stop.abort();
    packer.destroy();
    await Promise.allSettled(work);
  }
}

/** Entry after entry into the packer: the next one is looked up when the one before is written. */
class Filling {
  readonly #open: OpenArchive;
  readonly #options: Selection & { packer: Packer; signal: AbortSignal };

  constructor(open: OpenArchive, options: Selection & { packer: Packer; signal: AbortSignal }) {
    this.#open = open;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { paths, packer, signal } = this.#options;
    using tape = this.#open.tape({ window: WINDOW, signal });
    for (const path of paths)
      for (const found of this.#open.index.subtree(path)) await this.#add(found, tape);
    packer.finish();
  }

  async #add(found: IndexedPath, tape: TapeReader): Promise<void> {
    const { entry } = found;
    const { format, packer, signal } = this.#options;
    const file =
      entry.type === 'file' || entry.type === 'hardlink' ? fileOf(this.#open.index, entry) : undefined;
    const data = entryData(found, { format, size: file?.size ?? 0 });
    if (!data) return;
    const content = file && file.size > 0 ? contentOf(tape, file) : [];
    await packer.add(data, slices(content), signal);
  }
}

async function* slices(pieces: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of pieces)
    for (let at = 0; at < piece.length; at += SLICE) yield piece.subarray(at, at + SLICE);
}
