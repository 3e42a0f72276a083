import { crc32Combine } from '@longshore/tape';
import { overlap } from '../archive/span.ts';
import { type Batch, type Extent, headersOf } from './batches.ts';
import type { VerifyReply } from './protocol.ts';

/** An entry that isn't as it was written: it can't be read, or its content is another. */
export interface DamagedEntry {
  id: number;
  reason: 'unreadable' | 'crc32';
}

/** Puts together what batches, in their order, say of the whole. */
export class Tally {
  tapeCrc32 = 0;
  entries = 0;
  files = 0;
  frames = 0;
  damagedFrames = 0;
  readonly damaged: DamagedEntry[] = [];
  #contentCrc32 = 0;

  add(batch: Batch, reply: VerifyReply): void {
    this.tapeCrc32 = crc32Combine(this.tapeCrc32, reply.tapeCrc32, batch.tape.end - batch.tape.start);
    this.frames += batch.frames.length;
    this.damagedFrames += reply.damaged.length;
    const isUnreadable = unreadableIn(batch, reply);
    const crcs = reply.contentCrcs.values();
    for (const extent of batch.entries) {
      if (isUnreadable(extent)) this.#damage(extent.id, 'unreadable');
      const piece = extent.content && overlap(extent.content, batch.tape);
      if (piece) this.#addContent(crcs.next().value ?? 0, piece.end - piece.start);
      if (extent.entry.end <= batch.tape.end) this.#endEntry(extent);
    }
  }

  #addContent(crc32: number, bytes: number): void {
    this.#contentCrc32 = crc32Combine(this.#contentCrc32, crc32, bytes);
  }

  #endEntry({ id, content, crc32 }: Extent): void {
    this.entries += 1;
    if (content) {
      this.files += 1;
      if (this.#contentCrc32 !== crc32) this.#damage(id, 'crc32');
    }
    this.#contentCrc32 = 0;
  }

  /** An entry may be in several batches; the first thing that was found of it stands. */
  #damage(id: number, reason: DamagedEntry['reason']): void {
    if (this.damaged.at(-1)?.id !== id) this.damaged.push({ id, reason });
  }
}

/** Whether an entry is on a frame that can't be decoded, or its header is none. */
function unreadableIn(batch: Batch, reply: VerifyReply): (extent: Extent) => boolean {
  const lost = reply.damaged
    .map((position) => batch.frames[position])
    .map(({ tapeOffset: start, tapeBytes }) => ({ start, end: start + tapeBytes }));
  const headers = reply.damagedHeaders.length > 0 ? headersOf(batch) : [];
  const headless = new Set(reply.damagedHeaders.map((position) => headers[position].id));
  return ({ id, entry }) => headless.has(id) || lost.some((span) => overlap(entry, span) !== undefined);
}
