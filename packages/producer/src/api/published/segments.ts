import { buffer } from 'node:stream/consumers';
import { type ExportLinks, Manifest } from '@longshore/shared';
import { StoreError } from '@longshore/store';
import { z } from 'zod';
import { ProducerError } from '../../error.ts';
import type { PublishedArchive } from '../../exports/exports.ts';

const { segments } = Manifest.shape.archive.shape;
/** What is read of a manifest; one of an early release has no segments. */
const Read = z.object({ archive: z.object({ segments: segments.default([]) }) });

type Segments = ExportLinks['segments'];

/**
 * The archive in consecutive ranges with their CRC-32, as its manifest has them. None where the manifest is gone, or
 * has none; PUBLISHED_DAMAGED where it can't be read.
 */
export async function segmentsOf({ store, manifest, bytes }: PublishedArchive): Promise<Segments> {
  const text = await store.get(manifest).then(buffer, absent);
  if (!text) return [];
  const ranges = placed(parse(text));
  if (ranges.length > 0 && ranges.at(-1)?.end !== bytes) throw damaged();
  return ranges;
}

function absent(error: unknown): undefined {
  if (!(error instanceof StoreError && error.code === 'NOT_FOUND')) throw error;
}

function parse(text: Buffer): z.infer<typeof segments> {
  try {
    return Read.parse(JSON.parse(text.toString())).archive.segments;
  } catch (cause) {
    throw damaged(cause);
  }
}

function placed(parts: z.infer<typeof segments>): Segments {
  let start = 0;
  return parts.map(({ bytes, crc32 }) => {
    const range = { start, end: start + bytes, crc32 };
    start += bytes;
    return range;
  });
}

function damaged(cause?: unknown): ProducerError {
  const message = "The archive's manifest is damaged: verify the archive, or export again.";
  return new ProducerError('PUBLISHED_DAMAGED', message, { cause });
}
