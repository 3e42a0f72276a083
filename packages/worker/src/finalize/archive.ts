import type { Part } from '@longshore/store';
import {
  type Codec,
  crc32,
  crc32Combine,
  crc32Zeros,
  createCodec,
  type FrameSize,
  rawFrameBytes,
  TapeError,
  TRAILER_BYTES,
} from '@longshore/tape';
import type { ExportContext } from '../export-context.ts';
import { layoutParts, type PartLayout, type PlannedPart, TAIL_PART } from './part-layout.ts';
import type { ItemSummary } from './survey.ts';

export type Weld = Extract<PlannedPart, { kind: 'weld' }>;

/** Consecutive bytes of the archive: how many, and their CRC-32. */
export interface Segment {
  bytes: number;
  crc32: number;
}

/** The archive as the sum of its items: where each begins, what pads them, what ends them. */
export class Archive {
  readonly items: readonly ItemSummary[];
  readonly layout: PartLayout;
  readonly codec: Codec;
  /** Bytes of the whole tape, its end included. */
  readonly tapeBytes: number;
  /** CRC-32 of these. */
  readonly tapeCrc: number;
  /** The frame that holds the tape's two last blocks. */
  readonly trailer: Buffer;
  #padding = new Map<number, Buffer>();

  constructor({ order }: ExportContext, items: readonly ItemSummary[]) {
    this.items = items;
    this.layout = layoutParts(items.map(({ bytes }) => bytes));
    this.codec = createCodec(order.format, order.level);
    this.trailer = Buffer.from(this.codec.zeros(TRAILER_BYTES));
    const crc = items.reduce((sum, item) => crc32Combine(sum, item.crc32, item.end - item.start), 0);
    this.tapeCrc = crc32Zeros(crc, TRAILER_BYTES);
    this.tapeBytes = (items.at(-1)?.end ?? 0) + TRAILER_BYTES;
    for (const weld of this.welds) this.#padding.set(weld.last, paddingOf(this.codec, weld));
  }

  get welds(): Weld[] {
    return this.layout.parts.filter((part) => part.kind === 'weld');
  }

  /** Items whose runts the tail part takes. */
  get tailItems(): readonly ItemSummary[] {
    return this.items.slice(this.layout.tail);
  }

  /** Padding that follows an item; empty for most. */
  paddingAfter(item: number): Buffer {
    return this.#padding.get(item) ?? Buffer.alloc(0);
  }

  /** Each item with the archive offset of its first frame: behind the prologue in the first one. */
  *placed(): Generator<{ item: ItemSummary; archiveOffset: number }> {
    let offset = 0;
    for (const item of this.items) {
      const prologue = item.start === 0 ? this.codec.prologue.length : 0;
      yield { item, archiveOffset: offset + prologue };
      offset += item.bytes + this.paddingAfter(item.item).length;
    }
  }

  /** Where the trailer's frame begins in the archive. */
  get trailerOffset(): number {
    return this.items.reduce((sum, item) => sum + item.bytes + this.paddingAfter(item.item).length, 0);
  }

  /** What stands behind the items: the trailer's frame and the format's own end. */
  *end(): Generator<Buffer> {
    yield this.trailer;
    yield* this.codec.tail(this.#frames(), { tapeBytes: this.tapeBytes, crc32: this.tapeCrc });
  }

  /** The parts of the finished upload in order, out of those that the store holds. */
  completion(stored: ReadonlyMap<number, Part>, tail: Part): Part[] {
    const parts = this.layout.parts.map((part) =>
      stored.get((part.kind === 'item' ? part.item : part.first) + 1),
    );
    const all = [...parts.filter((part) => part !== undefined), { ...tail, number: TAIL_PART }];
    const bytes = all.reduce((sum, part) => sum + part.bytes, 0);
    const expected = this.trailerOffset + [...this.end()].reduce((sum, chunk) => sum + chunk.length, 0);
    if (bytes === expected) return all;
    throw new TapeError(
      'CORRUPT',
      `The parts have ${bytes} bytes instead of ${expected}; they are looked at again.`,
    );
  }

  /** What the upload's parts hold, in order: each with the CRC-32 of its bytes, the tail last. */
  segments(): Segment[] {
    const parts = this.layout.parts.map((part) => {
      const [first, last] = part.kind === 'item' ? [part.item, part.item] : [part.first, part.last];
      return joined(this.#pieces(this.items.slice(first, last + 1)));
    });
    const tail = [...this.#pieces(this.tailItems), ...Array.from(this.end(), segmentOf)];
    return [...parts, joined(tail)];
  }

  *#pieces(items: readonly ItemSummary[]): Generator<Segment> {
    for (const { item, bytes, archiveCrc32 } of items) {
      yield { bytes, crc32: archiveCrc32 };
      yield segmentOf(this.paddingAfter(item));
    }
  }

  *#frames(): Generator<FrameSize> {
    for (const item of this.items) {
      for (const [frame, compressed] of item.frames.entries())
        yield { raw: rawFrameBytes(item, frame), compressed };
      const padding = this.paddingAfter(item.item).length;
      if (padding > 0) yield { raw: 0, compressed: padding };
    }
    yield { raw: TRAILER_BYTES, compressed: this.trailer.length };
  }
}

const segmentOf = (bytes: Buffer): Segment => ({ bytes: bytes.length, crc32: crc32(bytes) });

function joined(pieces: Iterable<Segment>): Segment {
  let whole: Segment = { bytes: 0, crc32: 0 };
  for (const { bytes, crc32: crc } of pieces)
    whole = { bytes: whole.bytes + bytes, crc32: crc32Combine(whole.crc32, crc, bytes) };
  return whole;
}

/** Padding that the codec makes of a weld's missing bytes: the same wherever it's asked. */
export function paddingOf(codec: Codec, { padding }: { padding: number }): Buffer {
  return padding === 0 ? Buffer.alloc(0) : Buffer.concat([...codec.padding(padding)]);
}
